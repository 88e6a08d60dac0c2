"""The commands for people, and a translator of the user's own, from images to its nights."""

from __future__ import annotations

from pathlib import Path

import pytest
import yaml

from pipeline.core.image_io import read_rgb
from pipeline.datasets.image_set.image_set import ImageSet
from tests.end_to_end.project import Project

pytestmark = pytest.mark.slow

TINY_UNIT = {
    "dim": 4,
    "n_downsample": 2,
    "n_res": 1,
    "dis_dim": 4,
    "n_layer": 2,
    "num_scales": 2,
    "dis_norm": "none",
    "dis_augment": False,
    "lr": 0.0002,
    "beta1": 0.5,
    "beta2": 0.999,
    "weight_decay": 0.0001,
    "step_size": 100,
    "gamma": 0.5,
    "gan_w": 1.0,
    "recon_x_w": 10.0,
    "recon_kl_w": 0.01,
    "cyc_x_w": 10.0,
    "recon_kl_cyc_w": 0.01,
    "vgg_w": 0.0,
    "edge_w": 0.0,
    "vgg": None,
    "vgg_input": "caffe",
    "shorter_side": 72,
    "zoom": 1.0,
    "crop_height": 48,
    "crop_width": 48,
    "batch": 1,
    "iterations": 4,
    "tied_iterations": 1,
    "ema_decay": 0.0,
    "autocast": "off",
    "checkpointing": False,
    "keep": "best",
    "export": "float32",
    "save_every": 2,
    "sheet_every": 2,
    "seed": 1,
}


def duskline(project: Project, *arguments: str) -> str:
    return project.run("duskline", *arguments).stdout


def test_translate_makes_the_nights_of_any_folder_once(project: Project, tmp_path: Path) -> None:
    days = project.root / "data" / "sets" / "city_xs" / "images"
    before = {path: path.read_bytes() for path in days.rglob("*.jpg")}
    out = tmp_path / "nights"
    command = (
        "translate",
        str(days),
        str(out),
        "--checkpoint",
        "unit/weights/city.pt",
        "--shorter-side",
        "72",
    )
    said = duskline(project, *command)
    assert f"{len(before)} nights ({len(before)} newly translated" in said
    assert str(out) in said
    for path, data in before.items():
        night = out / path.relative_to(days).with_name(f"{path.stem}n.jpg")
        assert read_rgb(night).shape == read_rgb(path).shape
        assert path.read_bytes() == data
    assert f"{len(before)} nights (0 newly translated" in duskline(project, *command)


def test_a_picture_that_cannot_be_read_is_named_and_the_others_are_translated(
    project: Project, tmp_path: Path
) -> None:
    days = tmp_path / "days"
    days.mkdir()
    good = next((project.root / "data" / "sets" / "city_xs").rglob("*.jpg")).read_bytes()
    (days / "good.jpg").write_bytes(good)
    (days / "half.jpg").write_bytes(good[: len(good) // 2])
    out = tmp_path / "nights"
    done = project.run(
        "duskline", "translate", str(days), str(out), "--checkpoint", "unit/weights/city.pt",
        "--shorter-side", "72", check=False,
    )  # fmt: skip
    assert done.returncode == 1
    assert "half.jpg" in done.stderr
    assert "Traceback" not in done.stderr
    assert (out / "goodn.jpg").exists()
    assert not (out / "halfn.jpg").exists()
    assert "half.jpg" in (out / "origins.csv").read_text()


def test_own_translator_is_trained_in_the_pipeline_and_makes_nights(project: Project) -> None:
    assert "2 day and 2 night images" in duskline(project, "city", "pictures", "--count", "2")
    params = project.params()
    params["train_unit"]["mine"] = {"day": "pictures/day", "night": "pictures/night", **TINY_UNIT}
    params["translate"]["city_pitts_night"]["checkpoint"] = "models/unit/mine.pt"
    project.set_params(params)
    made = ["train_unit@mine", "translate@city_pitts_night", "merge@city_pitts_dn"]
    assert project.repro() == [*made, "report"]
    assert len(ImageSet.open(project.root / "data" / "sets" / "city_pitts_night").rows) == 16
    assert project.repro() == []
    # More iterations continue from the saved state, and only what depends on the weights runs again.
    params["train_unit"]["mine"]["iterations"] = 6
    project.set_params(params)
    said = project.dvc("repro", "train_unit@mine").stdout
    assert "6 iterations, 2 in this run" in said


def test_stages_run_by_hand_and_help_names_every_parameter(project: Project) -> None:
    said = duskline(project, "stage", "format", "--name", "city_xs")
    assert said.startswith("format@city_xs: 4 images (test/database 2, test/queries 2)")
    listed = duskline(project, "stage", "--help")
    for stage in yaml.safe_load((project.root / "dvc.yaml").read_text())["stages"]:
        assert stage in listed
    help_text = duskline(project, "stage", "translate", "--help")
    for name in project.params()["translate"]["city_pitts_night"]:
        assert f"--{name} " in help_text
