from __future__ import annotations

import hashlib
import io
import zipfile
from pathlib import Path

import pytest
import torch

from pipeline.datasets.fetching.checksums import read_pins
from pipeline.datasets.fetching.fetch import Fetched, fetch_checkpoint
from pipeline.datasets.sources.registry import Source
from pipeline.runtime.errors import CheckpointError, UserError
from tests.datasets.local_server import LocalServer

pytestmark = pytest.mark.usefixtures("no_waits")

UNIT = Source("unit_x", "UNIT", "checkpoint", "NC", published="in a Drive folder")


def weights(value: float = 1.0, *, legacy: bool = False) -> bytes:
    stream = io.BytesIO()
    torch.save({"a": torch.tensor([value])}, stream, _use_new_zipfile_serialization=not legacy)
    return stream.getvalue()


WEIGHTS = weights()


def zipped(name: str) -> bytes:
    stream = io.BytesIO()
    with zipfile.ZipFile(stream, "w") as packed:
        packed.writestr(name, b"x")
    return stream.getvalue()


class Place:
    """The folders of one project."""

    def __init__(self, root: Path) -> None:
        self.root, self.raw = root, root / "raw" / "unit_x"
        self.held, self.pinned = root / "archives", root / "pinned.csv"

    def fetch(self, place: str | Path) -> Fetched:
        return fetch_checkpoint(UNIT, str(place), self.raw, held=self.held, pinned=self.pinned)

    def hold(self, name: str, data: bytes = WEIGHTS) -> Path:
        path = self.root / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(data)
        return path


@pytest.fixture
def place(tmp_path: Path) -> Place:
    return Place(tmp_path)


def test_a_path_is_copied_and_never_linked(place: Place) -> None:
    mine = place.hold("gen_00500000.pt")
    assert place.fetch(mine) == Fetched(UNIT, held=1, downloaded=0, pinned=1, size=len(WEIGHTS))
    copy = place.raw / "gen.pt"
    assert copy.read_bytes() == WEIGHTS
    assert copy.stat().st_ino != mine.stat().st_ino
    assert mine.stat().st_nlink == 1
    assert read_pins(place.pinned)["unit_x", "gen.pt"].sha256 == hashlib.sha256(WEIGHTS).hexdigest()


@pytest.mark.parametrize("name", ["gen.pt", "unit_x/gen.pt", "old/gen.pt"])
def test_a_name_is_looked_up_below_the_archive_folder(place: Place, name: str) -> None:
    place.hold(f"archives/{name}")
    assert place.fetch(name.removeprefix("unit_x/")).held == 1
    assert (place.raw / "gen.pt").read_bytes() == WEIGHTS


def test_a_path_as_it_stands_comes_before_the_archive_folder(
    place: Place, monkeypatch: pytest.MonkeyPatch
) -> None:
    place.hold("archives/gen.pt")
    place.hold("gen.pt", weights(2))
    monkeypatch.chdir(place.root)
    place.fetch("gen.pt")
    assert (place.raw / "gen.pt").read_bytes() == weights(2)


def test_an_address_is_downloaded_once_into_the_archive_folder(place: Place, server: LocalServer) -> None:
    server.files["/some/gen_5.pt"] = WEIGHTS
    address = server.address("/some/gen_5.pt")
    assert place.fetch(address) == Fetched(UNIT, held=0, downloaded=1, pinned=1, size=len(WEIGHTS))
    (kept,) = (place.held / "unit_x").iterdir()
    assert kept.name.endswith("-gen_5.pt")
    (place.raw / "gen.pt").unlink()  # as DVC does before it runs the stage again
    assert place.fetch(address) == Fetched(UNIT, held=1, downloaded=0, pinned=0, size=len(WEIGHTS))
    assert (place.raw / "gen.pt").read_bytes() == WEIGHTS
    assert server.asked == ["/some/gen_5.pt"]


def test_another_address_is_another_file_whatever_its_name(place: Place, server: LocalServer) -> None:
    server.files = {"/one/gen.pt": WEIGHTS, "/two/gen.pt": weights(2)}
    place.fetch(server.address("/one/gen.pt"))
    with pytest.raises(CheckpointError, match=r"was wrong and has been removed: .* not the expected file"):
        place.fetch(server.address("/two/gen.pt"))
    assert len(list((place.held / "unit_x").iterdir())) == 1


def test_google_drive_s_file_has_a_name_too(place: Place, monkeypatch: pytest.MonkeyPatch) -> None:
    def give(address: str, target: Path) -> None:
        assert address == "drive:abc123"
        place.hold(str(target.relative_to(place.root)))

    monkeypatch.setattr("pipeline.datasets.fetching.fetch.download", give)
    assert place.fetch("drive:abc123").downloaded == 1
    assert place.fetch("drive:abc123").held == 1


def test_another_file_than_before_is_refused_and_the_earlier_one_kept(place: Place) -> None:
    mine = place.hold("mine.pt")
    place.fetch(mine)
    mine.write_bytes(weights(2))
    with pytest.raises(UserError, match="is not the expected file"):
        place.fetch(mine)
    assert (place.raw / "gen.pt").read_bytes() == WEIGHTS
    assert mine.read_bytes() == weights(2)


def test_a_file_of_old_pytorch_is_a_checkpoint(place: Place) -> None:
    assert place.fetch(place.hold("old.pt", weights(legacy=True))).pinned == 1


@pytest.mark.parametrize(
    ("data", "found"),
    [
        (b"", "but an empty file"),
        (b"\n<!DOCTYPE html><html>Sign in</html>", "but a web page, such as an error or a sign-in"),
        (b"Quota exceeded", r"begins with b'Quota ex'"),
        (b"\x80\x02}q\x00.", "begins with"),  # a pickle, though not of PyTorch
        (zipped("000.jpg"), "begins with b'PK"),
        (WEIGHTS[:-30], "a part of a checkpoint"),
    ],
    ids=["empty", "page", "text", "pickle", "zip", "truncated"],
)
def test_what_is_no_checkpoint_is_never_pinned(
    place: Place, server: LocalServer, data: bytes, found: str
) -> None:
    mine = place.hold("mine.pt", data)
    with pytest.raises(CheckpointError, match=rf"mine\.pt is not a PyTorch checkpoint .*{found}"):
        place.fetch(mine)
    assert mine.exists()
    server.files["/gen.pt"] = data
    with pytest.raises(CheckpointError, match=found) as caught:
        place.fetch(server.address("/gen.pt"))
    assert "has been removed" in str(caught.value)
    assert "train_unit" in str(caught.value)
    assert list((place.held / "unit_x").iterdir()) == []
    assert not place.pinned.exists()
    assert not place.raw.exists()


@pytest.mark.parametrize(
    ("where", "found"), [("nowhere.pt", "no file nowhere.pt"), ("", r"\(place is empty\)")]
)
def test_absent_says_how_to_bring_or_train_one(place: Place, where: str, found: str) -> None:
    with pytest.raises(CheckpointError, match=found) as caught:
        place.fetch(where)
    message = str(caught.value)
    assert f"nor in {place.held}/unit_x or {place.held}" in message
    assert "published: in a Drive folder" in message
    assert "set place under fetch.unit_x in params.yaml" in message
    assert "train_unit" in message


def test_an_address_that_gives_nothing_says_so_too(place: Place, server: LocalServer) -> None:
    with pytest.raises(CheckpointError, match="404") as caught:
        place.fetch(server.address("/gone.pt"))
    assert "train_unit" in str(caught.value)


def test_a_place_inside_the_out_is_refused(place: Place) -> None:
    mine = place.hold("raw/unit_x/mine.pt")
    with pytest.raises(CheckpointError, match="which DVC empties"):
        place.fetch(mine)
    assert mine.read_bytes() == WEIGHTS
