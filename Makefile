# `make demo` runs the pipeline, `make test` the tests. Both install everything first; you can run them again.

# The first Python that is new enough.
PYTHON ?= $(firstword $(shell for python in python3 python3.14 python3.13 python3.12 python3.11; do \
	$$python -c 'import sys; sys.exit(sys.version_info < (3, 11))' 2> /dev/null && echo $$python && break; done) python3)
VENV := .venv
BIN := $(VENV)/bin
INSTALLED := $(VENV)/installed

# Two processes. All tests of a file run in one of them, in their order, because they share fixtures.
PYTEST := $(BIN)/python -m pytest -q -n 2 --dist loadfile --no-loadscope-reorder

.PHONY: demo test test-slow test-long check format setup

demo: setup
	@PATH="$(CURDIR)/$(BIN):$$PATH" dvc repro
	@$(BIN)/python -m stages.sets
	@$(BIN)/python -m stages.results

test: setup
	@$(PYTEST)

# One process more, because many of these tests wait for stages, timeouts and remotes.
test-slow: setup
	@$(PYTEST) -n 3 -m "slow and not long"

test-long: setup
	@$(PYTEST) -m long

check: setup
	@$(BIN)/python -m ruff format --check .
	@$(BIN)/python -m ruff check .
	@$(BIN)/python -m mypy

format: setup
	@$(BIN)/python -m ruff format .
	@$(BIN)/python -m ruff check --fix .

setup: $(INSTALLED)

# requirements.lock fixes the versions. torch and torchvision must match; they are the largest part (about 5 GB).
# TMPDIR: pip unpacks inside the environment, because /tmp is too small on many systems.
$(INSTALLED): setup.cfg pyproject.toml requirements.lock
	@$(PYTHON) -c 'import sys; v = sys.version_info; v >= (3, 11) or sys.exit(f"Python 3.11 or newer is needed, $(PYTHON) is {v[0]}.{v[1]}; install one, or name one that is there: make PYTHON=python3.11")'
	@echo "Installing into $(VENV) (a few minutes the first time)"
	@$(PYTHON) -m venv $(VENV)
	@mkdir -p $(VENV)/tmp
	@TMPDIR="$(CURDIR)/$(VENV)/tmp" $(BIN)/python -m pip install --quiet --disable-pip-version-check --constraint requirements.lock --editable '.[dev]' \
		|| { echo "The packages could not be installed; pip says above why. docs/troubleshooting.md, in its part on pip, says what to do; then the same command again." >&2; exit 1; }
	@touch $@

# To make the lock again after a change of setup.cfg (uv is on the package index):
#   uv pip compile setup.cfg --all-extras --universal --python-version 3.11 --no-annotate --no-header -o requirements.lock
