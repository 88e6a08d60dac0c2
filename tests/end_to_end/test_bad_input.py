"""What a user gets wrong: each ends with a clear message, a non-zero exit, and nothing lost."""

from __future__ import annotations

from pathlib import Path

import pytest
import torch

from tests.end_to_end.project import Project

pytestmark = pytest.mark.slow


def failure(project: Project, *targets: str) -> str:
    """What `dvc repro` prints when it fails; every set that was there must still be whole or restorable."""
    done = project.dvc("repro", *targets, check=False)
    assert done.returncode != 0, done.stdout
    return done.stdout + done.stderr


def damaged(project: Project, raw: str, target: str, content: bytes) -> None:
    path = project.root / raw / target
    path.unlink()
    path.write_bytes(content)


def test_misspelt_parameter_of_an_unpacked_section(project: Project) -> None:
    params = project.params()
    params["translate"]["city_pitts_night"]["strech"] = params["translate"]["city_pitts_night"].pop("stretch")
    project.set_params(params)
    message = failure(project)
    assert "No such option" in message
    assert "strech" in message


def test_misspelt_parameter_of_a_named_section(project: Project) -> None:
    params = project.params()
    params["fetch"]["city"]["sead"] = params["fetch"]["city"].pop("seed")
    project.set_params(params)
    message = failure(project)
    assert "unknown parameter sead" in message
    assert "seed" in message


def test_parameter_out_of_range(project: Project) -> None:
    params = project.params()
    params["fetch"]["city"]["spacing"] = 1000
    project.set_params(params)
    assert "spacing must lie between" in failure(project)


def test_missing_raw_folder(project: Project) -> None:
    params = project.params()
    params["format"]["mine"] = {
        "raw": "photographs",
        "form": "folder",
        "coordinates": "exif",
        "split_by": "folder",
        "queries_by": "folder",
        "jpeg_quality": 90,
    }
    project.set_params(params)
    assert "photographs" in failure(project, "format@mine")


def test_truncated_picture_in_an_archive_names_picture_and_archive(project: Project) -> None:
    from tests.end_to_end.raw_damage import truncate_member

    archive = project.root / "data" / "raw" / "city" / "pittsburgh" / "000.tar"
    member = truncate_member(archive)
    done = project.run("python", "-m", "stages.format", "--name", "city_pitts", check=False)
    assert done.returncode == 1
    assert member in done.stderr
    assert "000.tar" in done.stderr


def test_unreadable_split_file(project: Project) -> None:
    from tests.end_to_end.raw_damage import garble_split_files

    garble_split_files(project.root / "data" / "raw" / "city" / "pittsburgh" / "netvlad_v100_datasets.tar.gz")
    done = project.run("python", "-m", "stages.format", "--name", "city_pitts", check=False)
    assert done.returncode == 1
    assert "pitts30k_" in done.stderr
    assert ".mat" in done.stderr


@pytest.mark.parametrize("content", ["wrong shape", "pickle", "missing"])
def test_bad_checkpoint(project: Project, content: str, tmp_path: Path) -> None:
    checkpoint = project.root / "mine.pt"
    if content == "wrong shape":
        pair = torch.load(project.root / "unit" / "weights" / "city.pt", weights_only=True)
        pair["b"]["dec.model.5.conv.weight"] = torch.zeros(3, 5, 7, 7)
        torch.save(pair, checkpoint)
    elif content == "pickle":
        torch.save({"a": Path("not a tensor"), "b": print}, checkpoint)
    params = project.params()
    params["translate"]["city_pitts_night"]["checkpoint"] = "mine.pt"
    project.set_params(params)
    before = sorted(path.name for path in (project.root / "data" / "sets" / "city_pitts").rglob("*.jpg"))
    message = failure(project)
    assert "mine.pt" in message
    assert "Traceback" not in message
    if content == "wrong shape":
        assert "dec.model.5.conv.weight" in message
    assert (
        sorted(path.name for path in (project.root / "data" / "sets" / "city_pitts").rglob("*.jpg")) == before
    )
