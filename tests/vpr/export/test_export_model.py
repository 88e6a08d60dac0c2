from __future__ import annotations

import json
import runpy
import sys
from dataclasses import replace
from importlib.metadata import version
from pathlib import Path

import pytest
import torch
from torch import nn

from pipeline.datasets.image_set.licence_terms import Terms, write_terms
from pipeline.runtime.errors import CheckpointError, DusklineError, MissingInputError, UserError
from pipeline.vpr.experiments.asymmetric import Asymmetric, join_models
from pipeline.vpr.experiments.experiment import HUB, MODEL, Experiment, write_experiment
from pipeline.vpr.experiments.torch_hub import HubModel, load_hub_model, register_hub_model
from pipeline.vpr.export import own_hubconf
from pipeline.vpr.export.export_model import export_model
from pipeline.vpr.models.descriptor_model import NetworkSettings, load_model
from tests.vpr.experiments.test_torch_hub import write_repository
from tests.vpr.export.models import adapt_hub_model, gem, settings_of, write_hub_model, write_model

SMALL = settings_of("resnet18conv4", **gem())
FILES = ["README.md", "export.json", "hubconf.py", "weights.pt"]
EXPERIMENT = Experiment("dn", 48, 64, "hard_resize", "none", 25, None, False, "off", 1)


def loaded(out: Path, entry: str, **arguments: str) -> nn.Module:
    # As torch.hub lists them, for whoever puts the folder on GitHub.
    listed = runpy.run_path(str(out / "hubconf.py")).items()
    assert [name for name, value in listed if callable(value) and not name.startswith("_")] == [entry]
    network: nn.Module = torch.hub.load(str(out), entry, source="local", **arguments)
    return network


def same(one: nn.Module, other: nn.Module, height: int = 64, width: int = 96) -> bool:
    x = torch.randn(2, 3, height, width, generator=torch.Generator().manual_seed(1))
    with torch.inference_mode():
        return torch.equal(one.eval()(x), other(x))


@pytest.mark.parametrize(
    "settings",
    [
        SMALL,
        settings_of("resnet18conv5", trainable="late_layers"),
        settings_of("resnet50conv4", **gem("after_pool")),
        settings_of("resnet50conv5", trainable="layer3"),
        settings_of("alexnet", **gem("none")),
        pytest.param(settings_of("vgg16"), marks=pytest.mark.slow),
        settings_of("tf_efficientnet_lite0", stride=16, weights="packaged", trainable="blocks.3"),
        settings_of("tf_efficientnet_lite0", stride=8),
        settings_of("resnet10t", stride=16, trainable="act1", **gem()),
        settings_of("mobilenetv3_small_050", stride=16),
        settings_of("convnext_atto", stride=16, trainable="stages.1"),
        settings_of("vit_tiny_patch16_224", stride=16),
        settings_of("eva02_tiny_patch14_224", stride=14, **gem()),
        settings_of("alexnet", second_backbone="resnet18conv4", ensemble="addition"),
        settings_of("resnet10t", stride=16, second_backbone="resnet18conv4", ensemble="division", **gem()),
    ],
    ids=lambda settings: f"{'-'.join(settings.backbones)}-{settings.aggregation}-{settings.trainable}",
)
@pytest.mark.slow
def test_it_gives_the_same_numbers(settings: NetworkSettings, tmp_path: Path) -> None:
    model = write_model(tmp_path / "models" / "dn", settings)
    made = export_model(model, tmp_path / "none", tmp_path / "out")
    network, _, _ = load_model(model / MODEL)
    exported = loaded(tmp_path / "out", "dn")
    assert not any(module.training for module in exported.modules())
    assert same(network, exported)
    assert made.descriptor_size == network.descriptor_size
    assert {value.dtype for value in exported.parameters()} == {torch.float32}


def test_a_network_of_one_size_gives_them_too(tmp_path: Path) -> None:
    model = write_model(tmp_path / "swin", settings_of("swin_tiny_patch4_window7_224", stride=4, **gem()))
    export_model(model, tmp_path / "none", tmp_path / "out")
    network, _, _ = load_model(model / MODEL)
    assert same(network, loaded(tmp_path / "out", "swin"), 224, 224)


def test_nothing_but_what_is_told_is_written(tmp_path: Path) -> None:
    model = write_model(tmp_path / "dn", SMALL)
    export_model(model, tmp_path / "none", tmp_path / "out")
    assert sorted(path.name for path in (tmp_path / "out").iterdir()) == FILES
    weights = torch.load(tmp_path / "out" / "weights.pt", weights_only=True)
    kept = load_model(model / MODEL)[0].state_dict()
    assert all(torch.equal(*pair) for pair in zip(weights.values(), kept.values(), strict=True))
    # Where it was made is nobody's business.
    assert not [path for path in (tmp_path / "out").iterdir() if str(tmp_path).encode() in path.read_bytes()]


@pytest.mark.parametrize(
    ("settings", "packages"),
    [
        (SMALL, ["torch", "torchvision"]),
        (settings_of("resnet10t", stride=16, **gem()), ["torch", "timm"]),
        (
            settings_of(
                "resnet10t", stride=16, second_backbone="resnet18conv4", ensemble="addition", **gem()
            ),
            ["torch", "timm", "torchvision"],
        ),
    ],
    ids=["torchvision", "timm", "both"],
)
def test_it_names_what_it_needs(
    settings: NetworkSettings, packages: list[str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    export_model(write_model(tmp_path / "dn", settings), tmp_path / "none", tmp_path / "out")
    page = (tmp_path / "out" / "README.md").read_text()
    assert ", ".join(f"{name} " for name in packages).split(", ")[-1] in page
    assert "Nothing is downloaded." in page
    looked_for: list[str] = []
    monkeypatch.setattr(torch.hub, "_check_module_exists", lambda name: looked_for.append(name) or True)
    loaded(tmp_path / "out", "dn")
    assert looked_for == packages


@pytest.mark.parametrize(
    ("name", "entry"),
    [
        ("dn", "dn"),
        ("day-night.2", "day_night_2"),
        ("2nd", "model_2nd"),
        ("_hidden", "model__hidden"),
        ("class", "model_class"),
        ("torch", "model_torch"),
        ("list", "model_list"),
        ("dependencies", "model_dependencies"),
        ("naïve", "na_ve"),
    ],
)
def test_its_entry_is_a_function_of_its_name(name: str, entry: str, tmp_path: Path) -> None:
    model = write_model(tmp_path / name, SMALL)
    assert export_model(model, tmp_path / "none", tmp_path / "out").entry == entry
    assert same(load_model(model / MODEL)[0], loaded(tmp_path / "out", entry))


def test_the_page_says_what_it_is_and_under_which_terms(tmp_path: Path) -> None:
    model = write_model(tmp_path / "dn", SMALL)
    write_terms(model, [Terms("city", "Images of a city", "CC0-1.0", "Nothing is asked for.", "A, 2020")])
    write_experiment(tmp_path / "experiments" / "dn", EXPERIMENT, model)
    write_experiment(tmp_path / "experiments" / "wide", replace(EXPERIMENT, width=80), model)
    other = write_model(tmp_path / "day", settings_of("resnet18conv4", **gem("none")))
    write_experiment(tmp_path / "experiments" / "day", replace(EXPERIMENT, width=96), other)
    export_model(model, tmp_path / "experiments", tmp_path / "out")
    page = (tmp_path / "out" / "README.md").read_text()
    for words in (
        'torch.hub.load("path/of/this/folder", "dn", source="local")\n',
        "gem of resnet18conv4",
        "(N, 256)",
        "(0.485, 0.456, 0.406)",
        "at 64x48, 80x48 pixels",
        "adapted from day, the teacher's index kept.",
        "- Images of a city: CC0-1.0. Nothing is asked for. Please cite: A, 2020.",
        f"torch {version('torch')}",
    ):
        assert words in page
    terms = (tmp_path / "out" / "terms.json").read_bytes()
    assert terms == (model / "terms.json").read_bytes()


@pytest.mark.parametrize("of_others", [False, True])
def test_the_page_says_at_which_size_it_was_adapted(of_others: bool, tmp_path: Path) -> None:
    at = {"height": 40, "width": 56}
    if of_others:
        model = adapt_hub_model(write_hub_model(tmp_path / "dn", tmp_path / "colours"), **at)
    else:
        model = write_model(tmp_path / "dn", SMALL, **at)
    export_model(model, tmp_path / "none", tmp_path / "out")
    assert (
        "It was\n  adapted at 56x40 pixels (width x height)." in (tmp_path / "out" / "README.md").read_text()
    )
    write_experiment(tmp_path / "experiments" / "dn", EXPERIMENT, model)
    export_model(model, tmp_path / "experiments", tmp_path / "out")
    page = (tmp_path / "out" / "README.md").read_text()
    assert "It was\n  adapted at 56x40 pixels and tested at 64x48 pixels (width x height)." in page


def test_the_page_says_what_is_not_known(tmp_path: Path) -> None:
    export_model(write_model(tmp_path / "dn", SMALL), tmp_path / "none", tmp_path / "out")
    page = (tmp_path / "out" / "README.md").read_text()
    assert "at which it was tested are not known" in page
    assert "They are not known" in page


def test_the_model_of_others_is_adapted_and_wants_their_code(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    repository = tmp_path / "colours"
    model = adapt_hub_model(write_hub_model(tmp_path / "means", repository, side=5))
    assert export_model(model, tmp_path / "none", tmp_path / "out").descriptor_size == 75
    monkeypatch.chdir(tmp_path)
    # Python would leave its bytecode in both folders, and that names them.
    monkeypatch.setattr(sys, "dont_write_bytecode", True)
    exported = loaded(Path("out"), "means", repository="colours")
    assert exported(torch.ones(1, 3, 10, 10)).tolist() == [[3.0] * 75]
    assert same(load_hub_model(model / HUB), exported)
    page = (tmp_path / "out" / "README.md").read_text()
    assert 'source="local", repository="path/of/its/code")\n' in page
    assert "runs code from the folder colours" in page
    assert "described(side=5) of colours; duskline changed it: adapted from day" in page
    assert "its initial weights: the terms of their owners" in page
    assert not [path for path in (tmp_path / "out").iterdir() if str(tmp_path).encode() in path.read_bytes()]
    assert sorted(path.name for path in repository.iterdir()) == ["hubconf.py", "made_up_layers.py"]
    with pytest.raises(FileNotFoundError, match=r"nowhere has no hubconf.py: .* code of described\(side=5\)"):
        loaded(tmp_path / "out", "means", repository=str(tmp_path / "nowhere"))


def test_arguments_of_others_can_be_given_again(tmp_path: Path) -> None:
    model = write_hub_model(tmp_path / "means", tmp_path / "colours", side=5)
    export_model(model, tmp_path / "none", tmp_path / "out")
    assert "duskline did not change it" in (tmp_path / "out" / "README.md").read_text()
    arguments = {"repository": str(tmp_path / "colours"), "side": 2}
    network: nn.Module = torch.hub.load(str(tmp_path / "out"), "means", source="local", **arguments)
    assert network(torch.ones(1, 3, 8, 8)).shape == (1, 12)


def test_code_at_github_is_found_by_its_address(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TORCH_HOME", str(tmp_path))
    monkeypatch.setattr(torch.hub, "_hub_dir", None)
    # As if torch had downloaded it.
    repository = write_repository(tmp_path / "hub" / "somebody_places_main")
    hub = HubModel("github", "somebody/places:main", "described", {}, trust_repo=True)
    register_hub_model(hub, tmp_path / "means")
    adapt_hub_model(tmp_path / "means")
    export_model(tmp_path / "means", tmp_path / "none", tmp_path / "out")
    wanted = load_hub_model(tmp_path / "means" / HUB)
    assert same(wanted, loaded(tmp_path / "out", "means"))
    repository.rename(tmp_path / "copy")
    assert same(wanted, loaded(tmp_path / "out", "means", repository=str(tmp_path / "copy")))
    page = (tmp_path / "out" / "README.md").read_text()
    assert 'source="local")\n' in page
    assert "runs the code of somebody/places:main, which torch\ndownloads" in page


UNSTEADY = """
import torch


class Drawn(torch.nn.Module):
    def __init__(self):
        super().__init__()
        self.kept = torch.rand(4, 48)

    def forward(self, x):
        return torch.nn.functional.adaptive_avg_pool2d(x, 4).flatten(1) @ self.kept.T


def drawn():
    return Drawn()
"""


def test_what_gives_other_numbers_is_not_written(tmp_path: Path) -> None:
    repository = tmp_path / "drawing"
    repository.mkdir()
    (repository / "hubconf.py").write_text(UNSTEADY)
    model = write_hub_model(tmp_path / "drawn", repository, "drawn")
    with pytest.raises(
        DusklineError, match="descriptors differ from those of the model by up to 0"
    ) as caught:
        export_model(model, tmp_path / "none", tmp_path / "out")
    assert "random numbers, or values that are not in the weights" in caught.value.hint
    assert sorted(path.name for path in tmp_path.iterdir()) == ["drawing", "drawn"]


def test_code_that_computes_otherwise_is_found(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    # The copy is made from the source, so that only what stands there counts.
    text = Path(own_hubconf.__file__).read_text()
    assert text.count("min=1e-6") == 1
    monkeypatch.setattr("inspect.getsource", lambda _: text.replace("min=1e-6", "min=1e-2"))
    with pytest.raises(DusklineError, match="its descriptors differ from those of the model"):
        export_model(write_model(tmp_path / "dn", SMALL), tmp_path / "none", tmp_path / "out")


def test_two_models_as_one_are_told_apart(tmp_path: Path) -> None:
    for name in ("day", "dn"):
        write_model(tmp_path / name, SMALL)
    join_models(Asymmetric("dn", "day"), tmp_path, tmp_path / "pair")
    with pytest.raises(UserError, match="pair combines two models: dn describes queries, and day databases"):
        export_model(tmp_path / "pair", tmp_path / "none", tmp_path / "out")


def test_a_model_that_is_not_there_is_told_with_those_that_are(tmp_path: Path) -> None:
    write_model(tmp_path / "dn", SMALL)
    write_hub_model(tmp_path / "means", tmp_path / "elsewhere" / "colours")
    with pytest.raises(MissingInputError, match=r"no such model: .*/nd") as caught:
        export_model(tmp_path / "nd", tmp_path / "none", tmp_path / "out")
    assert caught.value.hint.startswith("known are dn, means; ")
    assert not (tmp_path / "out").exists()


def test_a_damaged_model_is_refused_and_the_earlier_export_stays(tmp_path: Path) -> None:
    model = write_model(tmp_path / "dn", SMALL)
    export_model(model, tmp_path / "none", tmp_path / "out")
    before = (tmp_path / "out" / "weights.pt").read_bytes()
    (model / MODEL).write_bytes((model / MODEL).read_bytes()[:1000])
    with pytest.raises(CheckpointError, match="cannot be read as a model"):
        export_model(model, tmp_path / "none", tmp_path / "out")
    assert (tmp_path / "out" / "weights.pt").read_bytes() == before


def test_an_earlier_export_is_replaced(tmp_path: Path) -> None:
    export_model(write_model(tmp_path / "dn", SMALL), tmp_path / "none", tmp_path / "out")
    export_model(write_hub_model(tmp_path / "m", tmp_path / "colours"), tmp_path / "none", tmp_path / "out")
    assert json.loads((tmp_path / "out" / "export.json").read_text())["entry"] == "m"


@pytest.mark.parametrize("mine", ["notes.txt", "export.json"])
def test_somebody_elses_folder_is_not_replaced(mine: str, tmp_path: Path) -> None:
    model = write_model(tmp_path / "dn", SMALL)
    (tmp_path / "out").mkdir()
    (tmp_path / "out" / mine).write_text("{}")
    with pytest.raises(UserError, match="out is not empty and is not an exported model"):
        export_model(model, tmp_path / "none", tmp_path / "out")
    assert (tmp_path / "out" / mine).read_text() == "{}"


def test_nothing_is_written_into_a_model(tmp_path: Path) -> None:
    model = write_model(tmp_path / "dn", SMALL)
    for out in (model, model / "out"):
        with pytest.raises(UserError, match="is inside the model's own folder"):
            export_model(model, tmp_path / "none", out)
    assert [path.name for path in model.iterdir()] == [MODEL]
