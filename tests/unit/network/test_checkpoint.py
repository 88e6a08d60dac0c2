import io
import pickle
from collections import OrderedDict
from pathlib import Path
from typing import Any

import pytest
import torch
from torch import Tensor

from pipeline.runtime.errors import CheckpointError
from tests.unit.golden import CHECKPOINT, DISCRIMINATORS, LEGACY, document
from unit.network.checkpoint import load_checkpoint, save_checkpoint
from unit.network.network import Generator
from unit.network.settings import GeneratorSizes


def states() -> dict[str, OrderedDict[str, Tensor]]:
    loaded: dict[str, OrderedDict[str, Tensor]] = torch.load(CHECKPOINT, weights_only=True)
    return loaded


def refusal(path: Path) -> str:
    with pytest.raises(CheckpointError) as caught:
        load_checkpoint(path)
    assert caught.value.exit_code == 2
    assert caught.value.hint
    assert str(path) in caught.value.message
    return caught.value.message


def refusal_of(content: Any, folder: Path) -> str:
    torch.save(content, folder / "changed.pt")
    return refusal(folder / "changed.pt")


def test_sizes_are_read_off_the_tensors() -> None:
    assert load_checkpoint(CHECKPOINT).sizes == GeneratorSizes(8, 2, 4)


@pytest.mark.parametrize(
    "sizes", [GeneratorSizes(3, 1, 1), GeneratorSizes(2, 3, 2), GeneratorSizes(4, 2, 11)]
)
def test_any_size_goes_through_a_file(sizes: GeneratorSizes, tmp_path: Path) -> None:
    a, b = Generator(sizes), Generator(sizes)
    save_checkpoint(tmp_path / "pair.pt", a, b)
    pair = load_checkpoint(tmp_path / "pair.pt")
    assert pair.sizes == sizes
    for written, read in ((a, pair.a), (b, pair.b)):
        assert all(torch.equal(read.state_dict()[key], value) for key, value in written.state_dict().items())


def test_legacy_file_gives_the_same_weights() -> None:
    # Its running statistics are random numbers: were one used, the weights would not help.
    new, old = load_checkpoint(CHECKPOINT), load_checkpoint(LEGACY)
    assert torch.load(LEGACY, weights_only=True)["a"].keys() - new.a.state_dict().keys() == set(
        document("legacy_extra_keys.json")
    )
    for ours, theirs in ((new.a, old.a), (new.b, old.b)):
        assert all(torch.equal(theirs.state_dict()[key], value) for key, value in ours.state_dict().items())


def test_running_statistics_of_another_norm_are_an_error(tmp_path: Path) -> None:
    content = states()
    content["a"]["dec.model.2.norm.running_mean"] = torch.zeros(16)
    assert "generator a: unknown dec.model.2.norm.running_mean" in refusal_of(content, tmp_path)


def test_the_file_written_has_the_published_form(tmp_path: Path) -> None:
    pair = load_checkpoint(CHECKPOINT)
    save_checkpoint(tmp_path / "pair.pt", pair.a, pair.b)
    written, published = torch.load(tmp_path / "pair.pt", weights_only=True), states()
    assert list(written) == ["a", "b"]
    for part in "ab":
        assert type(written[part]) is OrderedDict
        assert list(written[part]) == list(published[part])
        assert all(torch.equal(written[part][key], value) for key, value in published[part].items())


def test_equal_weights_are_equal_bytes(tmp_path: Path) -> None:
    for name in ("one.pt", "other_name.pt"):
        pair = load_checkpoint(CHECKPOINT)
        save_checkpoint(tmp_path / name, pair.a, pair.b, torch.float16)
    assert (tmp_path / "one.pt").read_bytes() == (tmp_path / "other_name.pt").read_bytes()


@pytest.mark.parametrize("dtype", [torch.float16, torch.bfloat16, torch.float64])
def test_other_precisions_are_read_as_float32(dtype: torch.dtype, tmp_path: Path) -> None:
    pair = load_checkpoint(CHECKPOINT)
    save_checkpoint(tmp_path / "pair.pt", pair.a, pair.b, dtype)
    read = load_checkpoint(tmp_path / "pair.pt").a.state_dict()
    for key, value in pair.a.state_dict().items():
        assert read[key].dtype == torch.float32
        assert torch.equal(read[key], value.to(dtype).float())


def test_loaded_generators_want_no_gradients() -> None:
    pair = load_checkpoint(CHECKPOINT)
    assert not any(parameter.requires_grad for parameter in pair.a.parameters())


def test_missing_file(tmp_path: Path) -> None:
    with pytest.raises(CheckpointError, match="no checkpoint at") as caught:
        load_checkpoint(tmp_path / "gen.pt")
    assert "copy" in caught.value.hint
    assert "train" in caught.value.hint


def test_a_folder_is_no_file(tmp_path: Path) -> None:
    assert "is a folder, not a checkpoint" in refusal(tmp_path)


def test_empty_file(tmp_path: Path) -> None:
    (tmp_path / "gen.pt").touch()
    assert "is empty" in refusal(tmp_path / "gen.pt")


class Exploit:
    """A pickle that would run a command when opened."""

    def __reduce__(self) -> tuple[object, ...]:
        return (eval, ("1/0",))


@pytest.mark.parametrize("content", [Exploit(), {"a": Exploit(), "b": {}}, {"a": Path("x"), "b": 1}])
def test_a_pickle_with_more_than_tensors_is_not_opened(content: object, tmp_path: Path) -> None:
    (tmp_path / "plain.pkl").write_bytes(pickle.dumps(content))
    assert "is not a checkpoint" in refusal(tmp_path / "plain.pkl")
    assert "is not a checkpoint" in refusal_of(content, tmp_path)


def test_a_picture_is_not_a_checkpoint(tmp_path: Path) -> None:
    path = tmp_path / "gen.pt"
    path.write_bytes((CHECKPOINT.parent / "input1_160x120.jpg").read_bytes())
    assert "is not a checkpoint" in refusal(path)


@pytest.mark.parametrize("source", [CHECKPOINT, LEGACY], ids=["zip", "legacy"])
@pytest.mark.parametrize("share", [0.0005, 0.01, 0.3, 0.6, 0.95, 0.9999])
def test_truncated_files(source: Path, share: float, tmp_path: Path) -> None:
    data = source.read_bytes()
    (tmp_path / "gen.pt").write_bytes(data[: int(len(data) * share)])
    message = refusal(tmp_path / "gen.pt")
    assert "cannot be read" in message or "is not a checkpoint" in message


def test_a_discriminator_file_is_recognised() -> None:
    assert "contains discriminators" in refusal(DISCRIMINATORS)


def test_an_optimizer_file_is_recognised(tmp_path: Path) -> None:
    message = refusal_of({"gen": {}, "dis": {}}, tmp_path)
    assert "expected a dict with the state dicts a and b, found a dict with dis, gen" in message
    assert "optimizers" in message


@pytest.mark.parametrize(
    ("content", "found"),
    [
        ([torch.zeros(1)], "found list"),
        (torch.zeros(1), "found Tensor"),
        ({}, "found a dict with nothing"),
        ({"a": {}}, "found a dict with a"),
        ({"a": {}, "b": {}, "c": {}}, "found a dict with a, b, c"),
        ({"a": torch.zeros(1), "b": {}}, "a is not a state dict"),
        ({"a": {"x": 1}, "b": {}}, "a is not a state dict"),
        ({"a": {"x": torch.zeros(1)}, "b": {}}, "a has no convolution enc.model.0.conv.weight; .* x"),
    ],
)
def test_other_contents(content: object, found: str, tmp_path: Path) -> None:
    with pytest.raises(CheckpointError, match=found):
        refusal_and_raise(content, tmp_path)


def refusal_and_raise(content: object, folder: Path) -> None:
    torch.save(content, folder / "changed.pt")
    load_checkpoint(folder / "changed.pt")


def test_wrong_shape_names_key_expected_and_found(tmp_path: Path) -> None:
    content = states()
    content["b"]["dec.model.4.conv.weight"] = torch.zeros(8, 16, 3, 3)
    message = refusal_of(content, tmp_path)
    assert (
        "b: dec.model.4.conv.weight has the wrong shape: expected (8, 16, 5, 5), found (8, 16, 3, 3)"
        in message
    )


def test_missing_key(tmp_path: Path) -> None:
    content = states()
    del content["a"]["dec.model.5.conv.bias"]
    assert "generator a: missing dec.model.5.conv.bias" in refusal_of(content, tmp_path)


def test_extra_key(tmp_path: Path) -> None:
    content = states()
    content["b"]["head.weight"] = torch.zeros(1)
    assert "generator b: unknown head.weight" in refusal_of(content, tmp_path)


def test_no_encoder_blocks(tmp_path: Path) -> None:
    content = states()
    for key in [key for key in content["a"] if key.startswith("enc.model.3")]:
        del content["a"][key]
    assert "found 2 and 0" in refusal_of(content, tmp_path)


def test_parts_of_different_size(tmp_path: Path) -> None:
    pair = {
        "a": Generator(GeneratorSizes(2, 2, 1)).state_dict(),
        "b": Generator(GeneratorSizes(4, 2, 1)).state_dict(),
    }
    assert "differ in size" in refusal_of(pair, tmp_path)


def test_weights_must_be_numbers(tmp_path: Path) -> None:
    content = states()
    content["a"]["dec.model.5.conv.bias"][1] = float("nan")
    assert "a: dec.model.5.conv.bias has values that are NaN or infinite" in refusal_of(content, tmp_path)
    content = states()
    content["a"]["dec.model.5.conv.bias"] = torch.zeros(3, dtype=torch.int64)
    assert "must hold floating-point numbers, found torch.int64" in refusal_of(content, tmp_path)


def test_a_failed_write_leaves_the_old_file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    pair = load_checkpoint(CHECKPOINT)
    (tmp_path / "gen.pt").write_bytes(b"old")

    def full(document: object, stream: io.BufferedWriter) -> None:
        stream.write(b"half")
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(torch, "save", full)
    with pytest.raises(Exception, match="No space left"):
        save_checkpoint(tmp_path / "gen.pt", pair.a, pair.b)
    assert [path.name for path in tmp_path.iterdir()] == ["gen.pt"]
    assert (tmp_path / "gen.pt").read_bytes() == b"old"
