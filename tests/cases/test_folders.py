"""Files and names in users' folders that cannot be read: they are named, and do not affect other stages."""

from __future__ import annotations

import contextlib
import os
import signal
import socket
import unicodedata
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner
from hypothesis import given
from hypothesis import strategies as st

from pipeline.core.image_files import unnameable
from pipeline.datasets.derived.select import select_time
from pipeline.datasets.formatting.build_set import format_set
from pipeline.datasets.formatting.readers.common import CommonSettings, read_common
from pipeline.datasets.formatting.readers.folder_listing import list_photographs
from pipeline.doctor.inputs import check_own_folders
from pipeline.forecast.changes import pending_changes
from pipeline.forecast.hindrances import hindrances
from pipeline.night.records.summary import Reason, reasons_of
from pipeline.runtime.errors import BadImageError, DusklineError, SetError, UserError
from pipeline.sharing.objects import SharedProject
from stages.cli import main as duskline
from tests.datasets.own_photographs import made_set, make, settings
from tests.datasets.raw_forms import jpeg
from tests.datasets.walks import made_walks, make_walks
from tests.forecast.small_pipeline import PARAMS, new_pipeline, set_params
from tests.sharing.small_project import dvc
from unit.data.domain_images import list_side, side_of_folder, side_of_listings


@pytest.mark.parametrize("stem", ["123.jpg", "00123.jpg", "00123.JPEG.jpg"])
def test_x7_a_suffix_twice_is_no_number_of_tokyo(tmp_path: Path, stem: str) -> None:
    folder = make(tmp_path / "photos", {f"queries/{stem}.jpg": {}, f"database/{stem}.jpg": {}})
    made = made_set(folder, tmp_path / "set")
    [query] = made.where(role="queries")
    assert f"@{stem[: stem.index('.')]}@" in query.name
    with pytest.raises(SetError, match="1 of 1 queries have no time of day"):
        select_time(made, tmp_path / "nights", "night", None)


@pytest.mark.parametrize(
    "place", ["../coordinates.csv", "/photos/coordinates.csv", "a/../../coordinates.csv"]
)
def test_x6_a_csv_beside_the_folder_is_refused(place: str) -> None:
    with pytest.raises(
        ValueError, match=r"is not in the folder of photographs; .*DVC notices edits only there"
    ):
        settings(coordinates=place)


def test_x6_a_csv_behind_a_linked_folder_is_refused(tmp_path: Path) -> None:
    folder = make(tmp_path / "photos", {"a.jpg": {}})
    (tmp_path / "tables").mkdir()
    (folder / "coordinates.csv").rename(tmp_path / "tables" / "coordinates.csv")
    (folder / "tables").symlink_to(tmp_path / "tables")
    with pytest.raises(UserError, match="is behind a linked folder, where DVC would not notice an edit"):
        list_photographs(folder, "tables/coordinates.csv")
    # Of a linked file DVC looks at the content.
    (folder / "coordinates.csv").symlink_to(tmp_path / "tables" / "coordinates.csv")
    assert len(list_photographs(folder, "coordinates.csv")) == 1


MINE = {"format": {"mine": {"raw": "raw/photos"}}}
LATIN_1 = os.fsdecode(b"caf\xe9.jpg")


def _dangling(folder: Path) -> None:
    (folder / "gone.jpg").symlink_to("nowhere/gone.jpg")


def _loop(folder: Path) -> None:
    (folder / "loop.jpg").symlink_to("loop.jpg")


def _latin_1(folder: Path) -> None:
    (folder / LATIN_1).write_bytes(jpeg())


def _pipe(folder: Path) -> None:
    os.mkfifo(folder / "pipe.jpg")


def _ignoring(folder: Path) -> None:
    (folder / ".dvcignore").touch()


HINDRANCES = [
    (_dangling, "street/gone.jpg is a link to nowhere/gone.jpg, which does not exist"),
    (_loop, "street/loop.jpg is a link that cannot be followed (Too many levels of symbolic links)"),
    (_latin_1, r"street/caf\xe9.jpg has a name that is not UTF-8"),
    (_pipe, "street/pipe.jpg is not a plain file"),
    (_ignoring, "street/.dvcignore is allowed only in the project's own folders"),
]


@pytest.fixture
def project(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A project of DVC of which format@other alone depends on a folder of photographs."""
    monkeypatch.setenv("DVC_SITE_CACHE_DIR", str(tmp_path / "site"))
    root = new_pipeline(tmp_path / "project")
    set_params(root, PARAMS | {"format": PARAMS["format"] | {"other": {"raw": "raw/photos"}}})
    make(root / "raw" / "photos", {"street/a.jpg": {}})
    monkeypatch.chdir(root)
    return root


@pytest.mark.parametrize(("put", "named"), HINDRANCES)
def test_what_stops_dvc_is_named_by_plan_and_doctor_and_stops_no_other_stage(
    project: Path, put: Callable[[Path], None], named: str
) -> None:
    put(project / "raw" / "photos" / "street")
    changes = {change.stage: (change.certainty, change.reasons) for change in pending_changes()}
    assert changes["format@other"] == ("stuck", (f"DVC cannot read raw/photos: {named}",))
    assert changes["format@day"] == changes["translate@night"] == ("runs", ("never ran",))
    repo = SharedProject(Path()).repo
    [finding] = check_own_folders(MINE, [], repo)
    assert (finding.grade, finding.found) == (
        "fault",
        f"raw/photos, which format.mine.raw names, stops DVC: {named}",
    )
    # Not looked at when a stage of ours makes it.
    assert not list(check_own_folders(MINE, [Path("raw")], repo))


def test_dvc_makes_the_other_stages(project: Path) -> None:
    _dangling(project / "raw" / "photos")
    with pytest.raises(AssertionError, match="failed to reproduce 'format@other'"):
        dvc(project, "repro", "--keep-going")
    assert (project / "sets" / "night" / "a.txt").read_text() == "day190"
    result = CliRunner().invoke(duskline, ["plan"])
    assert result.exit_code == 0, result.output
    assert "gone.jpg is a link to nowhere/gone.jpg, which does not exist" in result.stdout
    assert "Stages that DVC stops at: 1. What to do: fix or remove these;" in result.stdout


def test_what_dvcignore_names_is_in_nobodys_way(project: Path) -> None:
    _dangling(project / "raw" / "photos")
    (project / ".dvcignore").write_text("gone.jpg\n")
    assert {change.certainty for change in pending_changes()} == {"runs"}
    assert not list(
        check_own_folders({"format": {"mine": {"raw": "raw/photos"}}}, [], SharedProject(Path()).repo)
    )


def test_a_folder_that_cannot_be_listed(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, project: Path
) -> None:
    scandir = os.scandir

    def refused(path: Any) -> Any:
        if str(path).rstrip("/").endswith("street"):
            raise PermissionError(13, "Permission denied", str(path))
        return scandir(path)

    monkeypatch.setattr(os, "scandir", refused)
    found = hindrances(project / "raw" / "photos", SharedProject(Path()).repo)
    assert found == {"street/": "cannot be listed (Permission denied)"}


@pytest.mark.parametrize("coordinates", ["exif", "coordinates.csv"])
def test_a_latin_1_name_is_named_by_the_stage(tmp_path: Path, coordinates: str) -> None:
    folder = make(tmp_path, {"a.jpg": {}})
    (folder / LATIN_1).write_bytes(jpeg())
    with pytest.raises(UserError) as caught:
        list_photographs(folder, coordinates)
    assert r"'caf\udce9.jpg': its name has control characters or is not UTF-8; rename it" in str(caught.value)


@pytest.mark.parametrize("coordinates", ["exif", "coordinates.csv"])
def test_a_link_to_nothing_is_named_by_the_stage(tmp_path: Path, coordinates: str) -> None:
    folder = make(tmp_path, {"a.jpg": {}})
    _dangling(folder)
    with pytest.raises(UserError, match=r"gone\.jpg: is a link to nowhere/gone\.jpg, which does not exist"):
        list_photographs(folder, coordinates)


def test_a_latin_1_name_can_be_printed_in_any_error() -> None:
    assert DusklineError(f"no {LATIN_1}\nat all").message == "no caf\\xe9.jpg\nat all"


def test_a_latin_1_name_in_the_common_layout(tmp_path: Path) -> None:
    place = tmp_path / "test" / "queries"
    place.mkdir(parents=True)
    for name in (LATIN_1, f"@585157.79@4477147.65@17@T@@@{LATIN_1}"):
        (place / name).write_bytes(jpeg())
    with pytest.raises(SetError) as caught:
        list(read_common(tmp_path, CommonSettings("refuse"), tmp_path))
    assert "2 of 2 images" in str(caught.value)
    assert r"'test/queries/caf\udce9.jpg': its name has control characters or is not UTF-8" in str(
        caught.value
    )


def test_a_latin_1_name_on_a_side_of_a_training(tmp_path: Path) -> None:
    (tmp_path / "nights").mkdir()
    (tmp_path / "nights" / LATIN_1).write_bytes(jpeg())
    with pytest.raises(UserError, match=r"1 images of .* cannot be listed:\n +'caf\\udce9\.jpg': its name"):
        list_side(tmp_path / "nights", tmp_path / "listing.csv")
    assert not (tmp_path / "listing.csv").exists()


def test_names_that_are_one_elsewhere_are_named_by_the_stage_and_by_doctor(
    project: Path, caplog: pytest.LogCaptureFixture
) -> None:
    composed, decomposed = (unicodedata.normalize(form, "é.jpg") for form in ("NFC", "NFD"))
    folder = make(project / "raw" / "photos", {name: {} for name in ("A.jpg", "a.JPG", composed, decomposed)})
    (folder / "street" / "a.jpg").unlink()
    assert len(list_photographs(folder, "coordinates.csv")) == 4
    told = "names that differ only in case or in Unicode form"
    assert told in caplog.text
    assert "A.jpg and a.JPG" in caplog.text
    assert f"{decomposed} (decomposed) and {composed}" in caplog.text
    [finding] = check_own_folders(MINE, [], SharedProject(Path()).repo)
    assert finding.grade == "warning"
    assert finding.found.endswith("on other systems: A.jpg and a.JPG and 1 more")


def test_translate_writes_utf_8_and_names_only_options_that_it_has(tmp_path: Path) -> None:
    make(tmp_path / "in", {"a.jpg": {}})
    (tmp_path / "in" / LATIN_1).write_bytes(jpeg())
    result = CliRunner().invoke(
        duskline,
        ["translate", str(tmp_path / "in"), str(tmp_path / "out"), "--photometric", "classical"],
        env={"DUSKLINE_WORK": str(tmp_path / "work"), "DUSKLINE_WORKERS": "1"},
    )
    assert result.exit_code == 1
    assert r"its name is not UTF-8  (first: caf\xe9.jpg)" in result.stderr
    assert "max_failed" not in result.stderr
    assert (tmp_path / "out" / "an.jpg").is_file()


def test_reasons_may_differ_in_numbers_but_not_in_those_of_names() -> None:
    reasons = [("a", "640x480 of 1,000 pixels, not UTF-16"), ("b", "64x48 of 20 pixels, not UTF-16")]
    assert reasons_of(reasons) == (Reason(reasons[0][1], 2, "a"),)
    assert len(reasons_of([*reasons, ("c", "64x48 of 20 pixels, not UTF-8")])) == 2


# Names


PLACE = "@585157.79@4477147.65@17@T@@@{}@@@@@@@@.jpg"
# Of screenshots, of copies in Japanese and in French, and of a family.
NAMES = [
    "Screenshot 2024-01-01 at 9.41.00\u202fAM.jpg",
    "\u8857\u3000\u8def.jpg",
    "rue\u00a0haute.jpg",
    "\U0001f468\u200d\U0001f469\u200d\U0001f467.jpg",
    "\u202b\u05d0\u2028.jpg",
]


@pytest.mark.parametrize("coordinates", ["exif", "coordinates.csv"])
def test_names_with_any_blanks_and_joined_signs_are_names(tmp_path: Path, coordinates: str) -> None:
    names = [f"{role}/{name}" for name in NAMES for role in ("database", "queries")]
    folder = make(tmp_path / "photos", {name: {} for name in names})
    if coordinates == "exif":
        with pytest.raises(UserError) as caught:
            list_photographs(folder, coordinates)
        assert str(caught.value).count("has no GPS coordinates in its EXIF data") == len(names)
        assert "rename" not in str(caught.value)
    else:
        assert {row.source for row in made_set(folder, tmp_path / "set").rows} == set(names)


def test_so_they_are_for_all_other_readers(tmp_path: Path) -> None:
    stems = [name.removesuffix(".jpg") for name in NAMES]
    common = tmp_path / "common" / "test" / "queries"
    common.mkdir(parents=True)
    for stem in stems:
        (common / PLACE.format(stem)).write_bytes(jpeg())
    found = list(read_common(tmp_path / "common", CommonSettings("refuse"), tmp_path))
    assert {raw.file_name for raw in found} == {PLACE.format(stem) for stem in stems}
    assert list_side(common, tmp_path / "listing.csv") == len(NAMES)
    assert len(side_of_listings({"listing": common}, tmp_path).pictures) == len(NAMES)
    folders = [f"walk {stem}" for stem in stems]
    traverses = {folder: {"role": "queries", "time_of_day": ""} for folder in folders}
    traverses[folders[0]]["role"] = "database"
    raw = make_walks(tmp_path / "walks", folders=folders)
    for folder in folders:
        (raw / folder / "Image000.jpg").rename(raw / folder / f"{stems[0].replace('9.41.00', '')} 000.jpg")
    made = made_walks(raw, tmp_path / "set", traverses=traverses)
    assert len(made.rows) == 4 * len(NAMES)


@given(st.text(st.characters(exclude_categories=["Cc", "Cs"])), st.characters(categories=["Cc", "Cs"]))
def test_control_characters_and_other_bytes_are_in_no_name(text: str, sign: str) -> None:
    assert unnameable(text) == ""
    assert unnameable(text + sign + text).endswith("or is not UTF-8; rename it")


@pytest.mark.parametrize("name", ["a\nb.jpg", LATIN_1])
def test_an_unusable_name_is_told_once_by_every_reader(tmp_path: Path, name: str) -> None:
    """Also where a CSV lists it, in the letters that are meant."""
    said = f"{name!r}: its name has control characters or is not UTF-8; rename it"
    folder = make(tmp_path / "photos", {"café.jpg" if name == LATIN_1 else name: {}, "other.jpg": {}})
    if name == LATIN_1:
        (folder / "café.jpg").rename(folder / name)
    with pytest.raises(UserError) as caught:
        list_photographs(folder, "coordinates.csv")
    assert caught.value.message == f"1 photographs of {folder} cannot be used:\n    {said}"
    with pytest.raises(UserError, match=r"1 images of .* cannot be listed:") as caught:
        side_of_folder(folder)
    assert said in caught.value.message
    walks = make_walks(tmp_path / "walks")
    (walks / "day_left" / "Image000.jpg").rename(walks / "day_left" / f"{name.removesuffix('.jpg')}0.jpg")
    with pytest.raises(UserError, match=r"1 of 8 frames of .* cannot be used:") as caught:
        made_walks(walks, tmp_path / "set")
    assert "its name has control characters" in caught.value.message


# What is not a file


@pytest.fixture
def _soon() -> Iterator[None]:
    """A pipe would be waited for for ever."""

    def too_late(*_: object) -> None:
        raise TimeoutError

    before = signal.signal(signal.SIGALRM, too_late)
    signal.alarm(20)
    yield
    signal.alarm(0)
    signal.signal(signal.SIGALRM, before)


def _socket(path: Path) -> None:
    # The path of a socket may have a hundred bytes at most.
    with contextlib.chdir(path.parent), socket.socket(socket.AF_UNIX) as end:
        end.bind(path.name)


@pytest.mark.usefixtures("_soon")
@pytest.mark.parametrize("put", [os.mkfifo, _socket], ids=["pipe", "socket"])
def test_what_is_no_plain_file_is_named_by_every_reader(tmp_path: Path, put: Callable[[Path], None]) -> None:
    folder = make(tmp_path / "photos", {"a.jpg": {}, "b.jpg": {}})
    (folder / "b.jpg").unlink()
    put(folder / "b.jpg")
    with pytest.raises(UserError) as caught:
        list_photographs(folder, "coordinates.csv")
    assert caught.value.message == f"1 photographs of {folder} cannot be used:\n    b.jpg: not a plain file"
    with pytest.raises(UserError, match=r"    b\.jpg: not a plain file"):
        list_photographs(folder, "exif")
    for listing in (side_of_folder, lambda folder: list_side(folder, tmp_path / "listing.csv")):
        with pytest.raises(UserError) as caught:
            listing(folder)
        assert caught.value.message == f"1 images of {folder} cannot be listed:\n    b.jpg: not a plain file"
    walks = make_walks(tmp_path / "walks")
    put(walks / "day_left" / "Image004.jpg")
    (walks / "night_right" / "Image004.jpg").write_bytes(jpeg())
    with pytest.raises(UserError, match=r"    day_left/Image004\.jpg: not a plain file"):
        made_walks(walks, tmp_path / "set")
    common = tmp_path / "common" / "test" / "queries"
    common.mkdir(parents=True)
    put(common / PLACE.format("a"))
    images = read_common(tmp_path / "common", CommonSettings("refuse"), tmp_path)
    with pytest.raises(BadImageError, match=r"@\.jpg: cannot be read \(not a plain file\)"):
        format_set(images, tmp_path / "set", workers=1)


# What is there, and no image that is read


def test_what_a_csv_lists_and_the_folder_has_otherwise(tmp_path: Path) -> None:
    names = ["a.jpg", "b.dng", "c.jpg", "d.jpg", "sub/e.jpg", "f.jpg", "g.MOV", "@eaDir/h.jpg", "I.JPG"]
    folder = make(tmp_path / "photos", {name: {} for name in names})
    (folder / "c.jpg").unlink()
    (folder / "c.jpg").mkdir()
    (folder / "d.jpg").rename(folder / ".d.jpg.icloud")
    (folder / "sub" / "e.jpg").rename(folder / "sub" / "e.jpg.nextcloud")
    (folder / "f.jpg").unlink()
    (folder / "I.JPG").rename(folder / "i.jpg")
    with pytest.raises(UserError) as caught:
        list_photographs(folder, "coordinates.csv")
    there, cloud = "but not an image that can be read", "but still in the cloud; download it"
    found = [there, there, cloud, cloud, "but missing", there, there]
    expected = [
        f"{name}: listed in line {line} of coordinates.csv, {what}"
        for (line, name), what in zip(list(enumerate(names, 2))[1:-1], found, strict=True)
    ]
    expected.append(
        "I.JPG: listed in line 10 of coordinates.csv, but missing; the folder has i.jpg, which is another"
        " name"
    )
    expected.append("i.jpg: not listed in coordinates.csv, so it has no coordinates")
    assert caught.value.message.split("\n    ")[1:] == sorted(expected)


def test_what_is_still_in_a_cloud_is_counted(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    folder = make(tmp_path / "photos", {"a.jpg": {}})
    for name in (
        ".IMG_1.JPG.icloud",
        ".IMG_2.JPG.icloud",
        "sub/c.jpg.nextcloud",
        "b.dng",
        ".notes.txt.icloud",
    ):
        (folder / name).parent.mkdir(exist_ok=True)
        (folder / name).write_bytes(b"placeholder")
    for clutter in (".Trash/.IMG_3.JPG.icloud", "@eaDir/.IMG_4.JPG.icloud", "..DS_Store.icloud"):
        (folder / clutter).parent.mkdir(exist_ok=True)
        (folder / clutter).write_bytes(b"placeholder")
    assert len(list_photographs(folder, "coordinates.csv")) == 1
    [told] = [record.getMessage() for record in caplog.records]
    assert told.startswith(f"{folder}: skipped 1 .dng, 3 .jpg still in the cloud; images are ")
    assert told.endswith("files, convert or download the others if you need them")
