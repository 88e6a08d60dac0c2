"""What a user gets wrong: each ends with a clear message, a non-zero exit, and nothing lost."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
import torch

from pipeline.datasets.image_set.image_set import ImageSet
from tests.end_to_end.project import Project, tiny_params
from tests.end_to_end.raw_damage import garble_split_files, truncate_member

pytestmark = pytest.mark.slow


def set_digests(project: Project) -> dict[str, str]:
    return {
        manifest.parent.name: ImageSet.open(manifest.parent).digest
        for manifest in sorted((project.root / "data" / "sets").glob("*/manifest.csv"))
    }


@pytest.fixture(autouse=True)
def nothing_is_lost(project: Project) -> Iterator[None]:
    """When the mistake is fixed, every set is there again, whole and as it was, and nothing is made again."""
    before = set_digests(project)
    yield
    project.set_params(tiny_params())
    said = project.dvc("repro").stdout
    assert set_digests(project) == before
    assert "newly translated" not in said


def failure(project: Project, *targets: str) -> str:
    """What `dvc repro` prints when it fails, which it must, in words."""
    done = project.dvc("repro", *targets, check=False)
    assert done.returncode != 0, done.stdout
    assert "Traceback" not in done.stdout + done.stderr
    return done.stdout + done.stderr


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
    assert "spacing must be between" in failure(project)


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
    # DVC itself looks first, and names the folder; by hand it is the stage that does.
    assert "No such file or directory: 'photographs'" in failure(project, "format@mine").replace(
        f"{project.root}/", ""
    )
    done = project.run("python", "-m", "stages.format", "--name", "mine", check=False)
    assert done.returncode == 2
    assert done.stderr.startswith("error: no such folder: photographs")


def test_truncated_picture_in_an_archive_names_picture_and_archive(project: Project) -> None:
    archive = project.root / "data" / "raw" / "city" / "pittsburgh" / "000.tar"
    opened_before = set_digests(project)
    member = truncate_member(archive)
    done = project.run("python", "-m", "stages.format", "--name", "city_pitts", check=False)
    assert done.returncode == 1
    assert opened_before == set_digests(project)
    assert member in done.stderr
    assert "000.tar" in done.stderr


def test_unreadable_split_file(project: Project) -> None:
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
    message = failure(project)
    assert "mine.pt" in message
    if content == "wrong shape":
        assert "dec.model.5.conv.weight" in message
