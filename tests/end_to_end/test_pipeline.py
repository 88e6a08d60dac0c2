"""`dvc repro` on the tiny city: everything is made, and only what changed is made again."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest
import yaml
from PIL import Image

from pipeline.core.files import digest_file
from pipeline.core.params import read_params
from pipeline.datasets.image_set.image_set import ImageSet
from tests.end_to_end.project import Project, tiny_params
from tests.import_graph import ROOT

pytestmark = pytest.mark.slow

ALL_STAGES = [
    "fetch@city",
    "format@city_pitts",
    "format@city_tokyo",
    "format@city_xs",
    "translate@city_pitts_night",
    "merge@city_pitts_dn",
    "select@city_tokyo_night",
    "tables",
    "report",
]


def opened(project: Project, name: str) -> ImageSet:
    return ImageSet.open(project.root / "data" / "sets" / name)


def test_one_command_makes_every_set(finished_run: tuple[Project, list[str]]) -> None:
    project, ran = finished_run
    assert sorted(ran) == sorted(ALL_STAGES)
    day, night, both = (opened(project, name) for name in ("city_pitts", "city_pitts_night", "city_pitts_dn"))
    assert day.counts() == {
        "train/database": 4,
        "train/queries": 4,
        "val/database": 2,
        "val/queries": 2,
        "test/database": 2,
        "test/queries": 2,
    }
    assert [row.name.replace("@n.jpg", "@.jpg") for row in night.rows] == [row.name for row in day.rows]
    assert {row.name for row in both.rows} == {row.name for row in day.rows} | {
        row.name for row in night.rows
    }
    assert [(row.width, row.height) for row in night.rows] == [(96, 72)] * len(day.rows)


def test_night_queries_are_the_night_ones(finished_run: tuple[Project, list[str]]) -> None:
    project, _ = finished_run
    whole, selected = opened(project, "city_tokyo"), opened(project, "city_tokyo_night")
    assert whole.counts() == {"test/database": 4, "test/queries": 6}
    assert selected.counts() == {"test/database": 4, "test/queries": 2}
    assert {row.time_of_day for row in selected.where(role="queries")} == {"night"}


def test_store_set_merged_set_and_cache_share_their_bytes(finished_run: tuple[Project, list[str]]) -> None:
    project, _ = finished_run
    night, both = opened(project, "city_pitts_night"), opened(project, "city_pitts_dn")
    stored, cached = (
        {path.stat().st_ino for path in (project.root / place).rglob("*") if path.is_file()}
        for place in ("work/nights", ".dvc/cache")
    )
    for row in night.rows:
        inode = night.path(row).stat().st_ino
        assert both.path(row).stat().st_ino == inode
        assert inode in stored
        assert inode in cached


def test_second_run_does_nothing(project: Project) -> None:
    assert project.repro() == []


def test_translator_setting_retranslates_but_does_not_refetch(project: Project) -> None:
    params = project.params()
    params["translate"]["city_pitts_night"]["quality"] = 70
    project.set_params(params)
    assert project.repro() == ["translate@city_pitts_night", "merge@city_pitts_dn", "report"]


def test_a_night_without_weights_is_a_set_that_merges(project: Project) -> None:
    params = project.params()
    params["photometric"]["city_pitts_classical"] = {
        "day": "city_pitts",
        "style": "classical",
        "format": "jpg",
        "quality": 90,
        "max_failed": 0.0,
    }
    params["merge"]["city_pitts_dc"] = {
        "day": "city_pitts",
        "night": "city_pitts_classical",
        "keep_nights": 1.0,
        "seed": 0,
    }
    project.set_params(params)
    assert project.repro() == ["photometric@city_pitts_classical", "merge@city_pitts_dc", "report"]
    assert len(opened(project, "city_pitts_dc").rows) == 32
    # Another style makes other nights of the same days, and the UNIT nights are left alone.
    params["photometric"]["city_pitts_classical"]["style"] = "meant"
    project.set_params(params)
    assert project.repro() == ["photometric@city_pitts_classical", "merge@city_pitts_dc", "report"]


def test_going_back_to_earlier_parameters_runs_the_report_alone(project: Project) -> None:
    params = project.params()
    changed = tiny_params()
    changed["translate"]["city_pitts_night"]["stretch"] = "minmax"
    project.set_params(changed)
    project.repro()
    project.set_params(params)
    # DVC's run cache has all earlier outputs but the page, which it keeps until there is another.
    assert project.repro() == ["report"]


def test_machine_settings_rerun_nothing(project: Project) -> None:
    (project.root / "duskline.local.yaml").write_text("workers: 1\ndevice: cpu\n")
    assert project.repro() == []


def test_library_change_reruns_the_stages_that_use_it(project: Project) -> None:
    module = project.root / "pipeline" / "datasets" / "derived" / "merge.py"
    module.write_text(module.read_text() + "# changed\n")
    # Both are of one room.
    assert sorted(project.repro()) == ["merge@city_pitts_dn", "select@city_tokyo_night"]


def test_number_of_workers_does_not_change_a_byte(project: Project) -> None:
    def made() -> dict[str, str]:
        root = project.root / "data"
        folders = (root / "raw" / "city", root / "sets" / "city_pitts_night")
        return {
            str(path.relative_to(root)): digest_file(path)
            for folder in folders
            for path in folder.rglob("*")
            if path.is_file()
        }

    results = []
    for workers in (1, 3):
        (project.root / "duskline.local.yaml").write_text(f"workers: {workers}\n")
        shutil.rmtree(project.root / "work")
        project.dvc(
            "repro", "--force", "--single-item", "--no-run-cache", "fetch@city", "translate@city_pitts_night"
        )
        results.append(made())
    assert results[0] == results[1]
    assert {"raw/city/pittsburgh/netvlad_v100_datasets.tar.gz", "raw/city/tokyo247/03814.tar"} <= set(
        results[0]
    )


@pytest.fixture
def photographs(project: Project) -> tuple[Project, Path]:
    """The project with a set made from a plain folder of the user's own, and its night."""
    folder = project.root.parent / "photographs"
    lines = ["path,latitude,longitude"]
    pictures = opened(project, "city_pitts").where(split="test")
    for number, row in enumerate(pictures):
        target = folder / ("database" if number % 2 else "queries") / f"photo{number}.jpg"
        target.parent.mkdir(parents=True, exist_ok=True)
        shutil.copy(project.root / "data" / "sets" / "city_pitts" / row.name, target)
        lines.append(f"{target.relative_to(folder).as_posix()},{40.44 + number / 1000:.5f},-79.99000")
    (folder / "coordinates.csv").write_text("\n".join(lines) + "\n")
    return project, folder


def own_photographs_params(project: Project, folder: Path) -> None:
    params = project.params()
    params["format"]["mine"] = {
        "raw": str(folder),
        "form": "folder",
        "coordinates": "coordinates.csv",
        "split_by": "folder",
        "queries_by": "folder",
        "jpeg_quality": 90,
    }
    params["translate"]["mine_night"] = dict(params["translate"]["city_pitts_night"], day="mine")
    project.set_params(params)


def test_one_changed_photograph_retranslates_one_image(photographs: tuple[Project, Path]) -> None:
    project, folder = photographs
    own_photographs_params(project, folder)
    assert sorted(project.repro()) == ["format@mine", "report", "translate@mine_night"]
    before = {row.name: row.digest for row in opened(project, "mine_night").rows}
    # New bytes: the store knows the city's own images already, whichever set they are in.
    photo = folder / "queries" / "photo0.jpg"
    Image.open(photo).transpose(Image.Transpose.FLIP_LEFT_RIGHT).save(photo, quality=80)
    done = project.dvc("repro")
    assert "(1 newly translated" in done.stdout
    after = {row.name: row.digest for row in opened(project, "mine_night").rows}
    assert before.keys() == after.keys()
    assert len([name for name in after if after[name] != before[name]]) == 1


def test_photographs_of_the_user_are_never_changed(photographs: tuple[Project, Path]) -> None:
    project, folder = photographs
    before = {
        path: (path.read_bytes(), path.stat().st_mode, path.stat().st_nlink)
        for path in folder.rglob("*")
        if path.is_file()
    }
    own_photographs_params(project, folder)
    project.repro()
    assert before == {
        path: (path.read_bytes(), path.stat().st_mode, path.stat().st_nlink)
        for path in folder.rglob("*")
        if path.is_file()
    }


def test_paper_profile_unfolds_into_its_stages(project: Project) -> None:
    shutil.copy(project.root / "profiles" / "paper.yaml", project.root / "params.yaml")
    listed = project.dvc("stage", "list", "--name-only").stdout.split()
    techniques = (
        *("day", "smart", "night", "dn", "occlusion", "fill", "crop", "crop_occlusion", "fill_occlusion"),
        *("addition", "division", "long"),
    )
    models = [f"{technique}_{pooling}" for technique in techniques for pooling in ("netvlad", "gem")]
    scaled = [f"{way}_{pooling}" for way in ("concatenation", "average") for pooling in ("netvlad", "gem")]
    assert (len(models), len(models + scaled)) == (24, 28)
    test_sets = ["pitts30k", "sf_xs", "tokyo_xs", "tokyo_night"]
    assert listed == [
        "fetch@pitts30k",
        "fetch@tokyo_xs",
        "fetch@sf_xs",
        "fetch@unit_512x288_VGG_1",
        "format@pitts30k",
        "format@tokyo_xs",
        "format@sf_xs",
        "translate@pitts30k_night",
        "merge@pitts30k_dn",
        "select@tokyo_night",
        *(f"train@{model}" for model in models),
        "augmentations@pitts30k",
        *(f"experiment@{name}" for name in models + scaled),
        *(f"evaluate@{name}-{test_set}" for name in models + scaled for test_set in test_sets),
        "tables",
        *(
            f"statistics@{name}"
            for name in ("pitts30k", "tokyo_xs", "tokyo_night", "sf_xs", "pitts30k_night", "pitts30k_dn")
        ),
        "sheet@pitts30k_night",
        "compare@pitts30k",
        "report",
    ]


def test_own_night_profile_is_the_papers_with_another_translator(project: Project) -> None:
    stages = {}
    for profile in ("paper", "own_night"):
        shutil.copy(project.root / "profiles" / f"{profile}.yaml", project.root / "params.yaml")
        stages[profile] = project.dvc("stage", "list", "--name-only").stdout.split()
    assert set(stages["paper"]) - set(stages["own_night"]) == {"fetch@unit_512x288_VGG_1"}
    assert [stage for stage in stages["own_night"] if stage not in stages["paper"]] == [
        "fetch@tokyo247_queries",
        "format@tokyo247_queries",
        "format@tokyo247_tested",
        "image_lists@tokyo247_day",
        "image_lists@tokyo247_night",
        "train_unit@own_night",
        "apart@tokyo247_apart",
        "select@tokyo247_day",
        "select@tokyo247_night",
    ]
    paper, own = (read_params(ROOT / "profiles" / f"{profile}.yaml") for profile in ("paper", "own_night"))
    changed = {"fetch", "format", "image_lists", "train_unit", "translate", "apart", "select", "compare"}
    assert {section for section in paper if own[section] != paper[section]} == changed
    assert own["translate"] == {
        "pitts30k_night": paper["translate"]["pitts30k_night"] | {"checkpoint": "models/unit/own_night.pt"}
    }
    sides = {"day": "data/image_lists/own_day", "night": "data/image_lists/own_night"}
    published = read_params(ROOT / "unit" / "variants.yaml")["unit_512x288"]
    assert own["train_unit"] == {"own_night": published | sides}


def test_every_cell_of_the_papers_tables_has_its_experiment(project: Project) -> None:
    shutil.copy(project.root / "profiles" / "paper.yaml", project.root / "params.yaml")
    comparison = project.params()["comparison"]
    rows = {
        f"{table}/{row}/{pooling}"
        for table, content in yaml.safe_load((ROOT / "pipeline/report/tables/paper.yaml").read_text())[
            "tables"
        ].items()
        for row, recalls in content["rows"].items()
        for pooling in recalls
        if pooling != "label"
    }
    assert comparison["rows"].keys() == rows
    # No experiment is for nothing.
    assert set(comparison["rows"].values()) == project.params()["experiment"].keys()


def test_missing_archives_of_the_paper_profile_are_named_with_size_place_and_terms(project: Project) -> None:
    shutil.copy(project.root / "profiles" / "paper.yaml", project.root / "params.yaml")
    done = project.dvc("repro", "fetch@pitts30k", check=False)
    message = done.stdout + done.stderr
    assert done.returncode != 0
    for wanted in (
        "9 of 9 archives",
        "000.tar",
        "856 MB",
        "queries_real.tar",
        "accept_terms: true",
        "permission",
    ):
        assert wanted in message
    assert "Traceback" not in message


def test_missing_checkpoint_says_how_to_bring_or_train_one(project: Project) -> None:
    shutil.copy(project.root / "profiles" / "paper.yaml", project.root / "params.yaml")
    done = project.dvc("repro", "fetch@unit_512x288_VGG_1", check=False)
    message = done.stdout + done.stderr
    assert done.returncode != 0
    for wanted in ("archives/unit_512x288_VGG_1.pt", "get the file", "train_unit"):
        assert wanted in message
