"""Where stages write: held against what DVC itself takes dvc.yaml for."""

from __future__ import annotations

from pathlib import Path

import pytest

from pipeline.runtime.stage_outs import outs_of
from tests.import_graph import ROOT


@pytest.mark.parametrize("profile", ["city", "paper", "own_night"])
def test_it_is_what_dvc_says(profile: str, tmp_path: Path) -> None:
    from dvc.parsing import DataResolver
    from dvc.repo import Repo
    from dvc.utils.serialize import load_yaml

    (tmp_path / "params.yaml").write_bytes((ROOT / "profiles" / f"{profile}.yaml").read_bytes())
    (tmp_path / "dvc.yaml").write_bytes((ROOT / "dvc.yaml").read_bytes())
    repo = Repo.init(str(tmp_path), no_scm=True)
    resolved = DataResolver(repo, str(tmp_path), load_yaml(str(tmp_path / "dvc.yaml"))).resolve()["stages"]
    assert len(resolved) > 20
    for stage, body in resolved.items():
        entries = [entry for field in ("outs", "metrics", "plots") for entry in body.get(field, ())]
        expected = [Path(entry if isinstance(entry, str) else next(iter(entry))) for entry in entries]
        assert outs_of(stage, tmp_path / "dvc.yaml", tmp_path / "params.yaml") == expected, stage


@pytest.mark.parametrize("stage", ["nothing@city", "fetch@nowhere", "evaluate@day_netvlad-nowhere"])
def test_stages_that_there_are_not(stage: str) -> None:
    with pytest.raises((LookupError, StopIteration)):
        outs_of(stage, ROOT / "dvc.yaml", ROOT / "profiles" / "city.yaml")
