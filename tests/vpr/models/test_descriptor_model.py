from __future__ import annotations

import io
import pickle
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
import torch

from pipeline.runtime.errors import CheckpointError, MissingInputError, ParameterError
from pipeline.vpr.models import backbones
from pipeline.vpr.models.descriptor_model import NetworkSettings, build_network, load_model, save_model

NETVLAD = NetworkSettings("resnet18conv4", "none", "all", "netvlad", clusters=4)
GEM = NetworkSettings("resnet18conv4", "none", "late_layers", "gem", l2="before_pool")


@pytest.mark.parametrize(("settings", "size"), [(NETVLAD, 1024), (GEM, 256)])
def test_network_gives_descriptors_of_its_size(settings: NetworkSettings, size: int) -> None:
    network = build_network(settings).eval()
    assert network.descriptor_size == size
    assert network(torch.rand(2, 3, 64, 80)).shape == (2, size)


@pytest.mark.parametrize(
    ("settings", "words"),
    [
        (NetworkSettings("resnet18conv4", "none", "all", "netvlad"), "netvlad needs at least 2 clusters"),
        (NetworkSettings("resnet18conv4", "none", "all", "netvlad", 1), "at least 2 clusters, found 1"),
        (NetworkSettings("resnet18conv4", "none", "all", "gem"), "gem needs l2"),
    ],
)
def test_an_aggregation_without_its_setting_is_refused(settings: NetworkSettings, words: str) -> None:
    with pytest.raises(ParameterError, match=words) as caught:
        build_network(settings)
    assert caught.value.hint


@pytest.mark.parametrize("settings", [NETVLAD, GEM])
def test_a_saved_model_is_loaded_as_it_was(settings: NetworkSettings, tmp_path: Path) -> None:
    network = build_network(settings).eval()
    save_model(tmp_path / "model.pt", network, settings, {"epoch": 3})
    loaded, found, record = load_model(tmp_path / "model.pt")
    x = torch.rand(1, 3, 64, 64)
    assert torch.equal(network(x), loaded.eval()(x))
    assert (found, record) == (settings, {"epoch": 3})


def test_loading_never_asks_for_imagenet_weights(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    settings = NetworkSettings("resnet18conv4", "imagenet", "all", "gem", l2="none")
    network = build_network(NetworkSettings("resnet18conv4", "none", "all", "gem", l2="none"))
    save_model(tmp_path / "model.pt", network, settings, {})
    recipe = backbones.BACKBONES["resnet18conv4"]

    def refusing(weights: Any) -> Any:
        assert weights is None
        return recipe.network(weights=weights)

    monkeypatch.setitem(backbones.BACKBONES, "resnet18conv4", replace(recipe, network=refusing))
    assert load_model(tmp_path / "model.pt")[1] == settings


def test_loading_draws_nothing_and_keeps_what_learns(tmp_path: Path) -> None:
    network = build_network(GEM)
    save_model(tmp_path / "model.pt", network, GEM, {})
    before = torch.get_rng_state()
    loaded = load_model(tmp_path / "model.pt")[0]
    assert torch.equal(before, torch.get_rng_state())
    learning = {name: value.requires_grad for name, value in network.named_parameters()}
    assert {name: value.requires_grad for name, value in loaded.named_parameters()} == learning
    assert set(learning.values()) == {True, False}


def refusal(path: Path) -> str:
    with pytest.raises(CheckpointError) as caught:
        load_model(path)
    assert caught.value.hint
    assert str(path) in caught.value.message
    return caught.value.message


@pytest.fixture(scope="module")
def whole(tmp_path_factory: pytest.TempPathFactory) -> bytes:
    path = tmp_path_factory.mktemp("whole") / "model.pt"
    save_model(path, build_network(GEM), GEM, {})
    return path.read_bytes()


def test_no_file_is_named(tmp_path: Path) -> None:
    with pytest.raises(MissingInputError, match=r"no such model: .*model\.pt"):
        load_model(tmp_path / "model.pt")


@pytest.mark.parametrize("share", [0.0, 0.00001, 0.1, 0.5, 0.99999])
def test_a_file_cut_short_is_refused(tmp_path: Path, whole: bytes, share: float) -> None:
    path = tmp_path / "model.pt"
    path.write_bytes(whole[: int(share * len(whole))])
    assert "cannot be read as a model" in refusal(path)


@pytest.mark.parametrize("content", [b"no model at all", pickle.dumps([1]), pickle.dumps(Path("x"))])
def test_what_is_no_file_of_torch_is_refused(tmp_path: Path, content: bytes) -> None:
    path = tmp_path / "model.pt"
    path.write_bytes(content)
    refusal(path)


@pytest.mark.parametrize("content", [{"weights": {}}, [1], torch.zeros(1), {"a": {}, "b": {}}])
def test_files_of_others_are_refused(tmp_path: Path, content: Any) -> None:
    torch.save(content, tmp_path / "model.pt")
    assert "is not a model trained by duskline" in refusal(tmp_path / "model.pt")


P = "aggregation.pooling.p"


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({P: None}, f"1 missing or unknown, the first is {P}"),
        ({"other": torch.zeros(1)}, "1 missing or unknown, the first is other"),
        ({P: torch.zeros(2)}, f"{P}: expected (1,) of float32, found (2,) of float32"),
        ({P: torch.zeros(1, dtype=torch.int64)}, f"{P}: expected (1,) of float32, found (1,) of int64"),
        ({P: "3"}, f"{P}: expected (1,) of float32, found str"),
        ({P: torch.full((1,), torch.nan)}, f"{P} has values that are NaN or infinite"),
    ],
)
def test_weights_of_another_network_are_refused(
    tmp_path: Path, whole: bytes, changes: dict[str, Any], words: str
) -> None:
    document = torch.load(io.BytesIO(whole), weights_only=True)
    weights = document["weights"] | changes
    document["weights"] = {name: value for name, value in weights.items() if value is not None}
    torch.save(document, tmp_path / "model.pt")
    assert words in refusal(tmp_path / "model.pt")


@pytest.mark.parametrize("part", ["settings", "record", "weights"])
def test_a_part_missing_or_of_another_kind_is_refused(tmp_path: Path, whole: bytes, part: str) -> None:
    document = torch.load(io.BytesIO(whole), weights_only=True)
    torch.save(document | {part: [1]}, tmp_path / "model.pt")
    assert f"expected a dict as its {part}, found list" in refusal(tmp_path / "model.pt")
    del document[part]
    torch.save(document, tmp_path / "model.pt")
    assert f"expected a dict as its {part}, found nothing" in refusal(tmp_path / "model.pt")


def test_settings_that_there_are_not_are_refused(tmp_path: Path, whole: bytes) -> None:
    document = torch.load(io.BytesIO(whole), weights_only=True)
    document["settings"]["backbone"] = "resnet9"
    torch.save(document, tmp_path / "model.pt")
    with pytest.raises(ParameterError, match="unknown backbone 'resnet9'"):
        load_model(tmp_path / "model.pt")
