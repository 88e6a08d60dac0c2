from __future__ import annotations

import logging
import os
import subprocess
import sys
import warnings
from pathlib import Path

import pytest

from pipeline.runtime.errors import ParameterError
from pipeline.runtime.logging_setup import LEVELS, Level, is_quiet, speaking
from pipeline.runtime.machine import read_level, read_machine
from tests.import_graph import ROOT

LOG = logging.getLogger("pipeline.anything")


def say_all() -> None:
    LOG.debug("read %s", "a file")
    LOG.info("on we go")
    LOG.warning("odd")
    LOG.error("bad")


@pytest.mark.parametrize(
    ("level", "said"),
    [
        ("quiet", "error: bad\n"),
        ("normal", "on we go\nwarning: odd\nerror: bad\n"),
        ("debug", "debug pipeline.anything: read a file\non we go\nwarning: odd\nerror: bad\n"),
    ],
)
def test_each_level_says_more(level: Level, said: str, capsys: pytest.CaptureFixture[str]) -> None:
    with speaking(level):
        assert is_quiet() == (level == "quiet")
        say_all()
    assert capsys.readouterr() == ("", said)


def test_afterwards_all_is_as_before(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("DUSKLINE_LEVEL", raising=False)
    logger = logging.getLogger("pipeline")
    before = (logger.level, list(logger.handlers))
    with speaking("quiet"):
        assert os.environ["DUSKLINE_LEVEL"] == "quiet"
    assert (logger.level, logger.handlers) == before
    assert "DUSKLINE_LEVEL" not in os.environ
    monkeypatch.setenv("DUSKLINE_LEVEL", "debug")
    with speaking("quiet"):
        pass
    assert os.environ["DUSKLINE_LEVEL"] == "debug"


def test_only_a_quiet_run_hides_warnings_of_libraries() -> None:
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        with speaking("quiet"):
            warnings.warn("hidden", stacklevel=1)
        with speaking("normal"):
            warnings.warn("seen", stacklevel=1)
    assert [str(warning.message) for warning in caught] == ["seen"]


@pytest.mark.parametrize("level", [*LEVELS, "loud"])
def test_a_worker_speaks_as_it_is_told(level: str) -> None:
    code = (
        "import logging; from pipeline.runtime.logging_setup import speak_as_told; speak_as_told();"
        "log = logging.getLogger('unit.x'); log.debug('d'); log.info('i'); log.error('e')"
    )
    done = subprocess.run(
        [sys.executable, "-c", code],
        cwd=ROOT,
        env=os.environ | {"DUSKLINE_LEVEL": level},
        capture_output=True,
        text=True,
        check=True,
    )
    wanted = {"quiet": "error: e\n", "debug": "debug unit.x: d\ni\nerror: e\n"}
    assert done.stderr == wanted.get(level, "i\nerror: e\n")


def test_a_line_stands_above_a_bar(capsys: pytest.CaptureFixture[str]) -> None:
    from tqdm import tqdm

    with speaking("normal"), tqdm(total=3, file=sys.stderr, leave=False) as bar:
        bar.update(1)
        LOG.info("between")
    assert "\nbetween\n" in capsys.readouterr().err.replace("\r", "\n")


def test_the_level_is_a_setting_of_the_machine(tmp_path: Path) -> None:
    local = tmp_path / "duskline.local.yaml"
    assert read_level({}, local) == read_machine({}, local).level == "normal"
    local.write_text("level: quiet\n")
    assert read_level({}, local) == read_machine({}, local).level == "quiet"
    assert read_level({"DUSKLINE_LEVEL": "debug"}, local) == "debug"
    for read in (read_level, read_machine):
        with pytest.raises(ParameterError, match="level must be quiet, normal or debug, not 'loud'"):
            read({"DUSKLINE_LEVEL": "loud"}, local)


def test_the_level_is_known_when_other_settings_are_wrong(tmp_path: Path) -> None:
    local = tmp_path / "duskline.local.yaml"
    local.write_text("workers: [")
    assert read_level({"DUSKLINE_SPEED": "3"}, local) == "normal"
