# `make demo` and `make test` are all a newcomer needs; both set everything up first and may be run again.
# The first of these that fits.
PYTHON ?= $(firstword $(shell for python in python3 python3.14 python3.13 python3.12 python3.11; do \
	$$python -c 'import sys; sys.exit(sys.version_info < (3, 11))' 2> /dev/null && echo $$python && break; done) python3)
VENV := .venv
BIN := $(VENV)/bin
INSTALLED := $(VENV)/installed

# Two processes; all tests of a file in one of them, files in their order, for what they share.
PYTEST := $(BIN)/python -m pytest -q -n 2 --dist loadfile --no-loadscope-reorder

.PHONY: demo test test-slow test-long check format setup

demo: setup
	@PATH="$(CURDIR)/$(BIN):$$PATH" dvc repro
	@$(BIN)/python -m stages.sets
	@$(BIN)/python -m stages.results

test: setup
	@$(PYTEST)

# One process more, for many of these wait: for stages, timeouts and remotes.
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

# Versions come from one file; torch and torchvision are a matching pair and the largest part (about 5 GB).
# pip unpacks beside them: on many systems /tmp is memory, and too little.
$(INSTALLED): setup.cfg pyproject.toml requirements.lock
	@$(PYTHON) -c 'import sys; v = sys.version_info; v >= (3, 11) or sys.exit(f"Python 3.11 or newer is needed, $(PYTHON) is {v[0]}.{v[1]}; install one, or name one that is there: make PYTHON=python3.11")'
	@echo "Installing into $(VENV) (a few minutes the first time)"
	@$(PYTHON) -m venv $(VENV)
	@mkdir -p $(VENV)/tmp
	@TMPDIR="$(CURDIR)/$(VENV)/tmp" $(BIN)/python -m pip install --quiet --disable-pip-version-check --constraint requirements.lock --editable '.[dev]' \
		|| { echo "The packages could not be installed; pip says above why. docs/troubleshooting.md, in its part on pip, says what to do; then the same command again." >&2; exit 1; }
	@touch $@

# How the lock was made, after setup.cfg changed (uv from the package index):
#   uv pip compile setup.cfg --all-extras --universal --python-version 3.11 --no-annotate --no-header -o requirements.lock
