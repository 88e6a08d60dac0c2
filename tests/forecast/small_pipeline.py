"""A DVC project of three small stages, as those of the real one: options from params.yaml, code, data."""

from __future__ import annotations

from pathlib import Path

import yaml

from tests.sharing.small_project import dvc

_STAGES = """\
stages:
  format:
    foreach: ${format}
    do:
      cmd: python code/format.py ${key}
      params: ["format.${key}"]
      deps: [code/format.py, "${item.raw}"]
      outs: ["sets/${key}"]
  translate:
    foreach: ${translate}
    do:
      cmd: python code/translate.py --name ${key} ${item}
      deps: [code/translate.py, "sets/${item.day}"]
      outs: ["sets/${key}"]
  report:
    cmd: python code/report.py
    deps: [code/report.py, sets]
    outs: [report.txt]
"""
_FORMAT = """\
import sys, pathlib, yaml
section = yaml.safe_load(open("params.yaml"))["format"][sys.argv[1]]
out = pathlib.Path("sets", sys.argv[1])
out.mkdir(parents=True)
out.joinpath("a.txt").write_text(open(section["raw"]).read() + str(section.get("width")))
"""
_TRANSLATE = """\
import sys, pathlib
given = dict(zip(sys.argv[1::2], sys.argv[2::2]))
out = pathlib.Path("sets", given["--name"])
out.mkdir(parents=True)
day = pathlib.Path("sets", given["--day"], "a.txt").read_text()
out.joinpath("a.txt").write_text(day + given["--quality"])
"""
_REPORT = """\
import pathlib
texts = sorted(path.read_text() for path in pathlib.Path("sets").rglob("*.txt"))
pathlib.Path("report.txt").write_text("".join(texts))
"""
PARAMS = {
    "format": {"day": {"raw": "raw/day.txt", "width": 1}, "other": {"raw": "raw/other.txt"}},
    "translate": {"night": {"day": "day", "quality": 90}},
}


def new_pipeline(root: Path) -> Path:
    """The project before its first run."""
    (root / "code").mkdir(parents=True)
    (root / "raw").mkdir()
    dvc(root, "init", "-q", "--no-scm")
    (root / "dvc.yaml").write_text(_STAGES)
    for name, code in {"format": _FORMAT, "translate": _TRANSLATE, "report": _REPORT}.items():
        (root / "code" / f"{name}.py").write_text(code)
    (root / "raw" / "day.txt").write_text("day")
    (root / "raw" / "other.txt").write_text("other")
    set_params(root, PARAMS)
    return root


def set_params(root: Path, params: object) -> None:
    (root / "params.yaml").write_text(yaml.safe_dump(params, sort_keys=False))
