from __future__ import annotations

import io
from pathlib import Path

import pytest
from PIL import Image

from pipeline.core.params import build
from pipeline.datasets.formatting.build_set import RawImage, format_set
from pipeline.datasets.formatting.readers.tokyo247 import (
    Tokyo247Settings,
    formatted_name,
    read_tokyo247,
    read_tokyo247_queries,
)
from pipeline.runtime.errors import BadArchiveError, MissingInputError, ParameterError, SetError
from tests.datasets.raw_forms import golden, jpeg, png, split_file, tokyo_raw, write_tar, write_zip

# Where recorded archives lie; here they are in the raw folder.
HELD = Path("nowhere")
SETTINGS = Tokyo247Settings("247query_subset_v2", 480, 75)
ROWS = golden("format_tokyo247.json")["rows"]
ZIP = "247query_subset_v2.zip"
NAMES = ("queries", "queries_shorter_side", "jpeg_quality")
LINE = ",35.66,139.75,1,2,"


def times(raw: Path, queries: dict[str, str]) -> dict[str, str]:
    """Times of day of queries whose CSVs hold these lines, by the name of the image."""
    tokyo_raw(raw)
    members = {f"q/{name}.jpg": jpeg() for name in queries}
    members |= {f"q/{name}.csv": line.encode() for name, line in queries.items()}
    write_zip(raw / ZIP, members)
    images = [image for image in read_tokyo247(raw, SETTINGS, HELD) if image.role == "queries"]
    return {image.source.rpartition("/")[2].removesuffix(".jpg"): image.time_of_day for image in images}


def test_the_worked_cases(tmp_path: Path) -> None:
    tokyo_raw(tmp_path / "raw")
    made = format_set(read_tokyo247(tmp_path / "raw", SETTINGS, HELD), tmp_path / "set", workers=2)
    assert {row.name: [row.width, row.height] for row in made.rows} == {
        case["destination"]: case["size"] for case in ROWS
    }
    assert made.counts() == {"test/database": 5, "test/queries": 3}
    for row in made.rows:
        with Image.open(io.BytesIO(made.read(row))) as image:
            assert image.format == "JPEG"
            assert image.size == (row.width, row.height)


def test_pictures_are_the_default_jpegs_of_pillow(tmp_path: Path) -> None:
    tokyo_raw(tmp_path / "raw")
    made = format_set(read_tokyo247(tmp_path / "raw", SETTINGS, HELD), tmp_path / "set", workers=1)
    by_source = {row.source: made.read(row) for row in made.rows}
    expected = io.BytesIO()
    Image.open(io.BytesIO(png(seed=0))).save(expected, "JPEG")
    assert by_source["03814.tar/03814/AbCdEfGhIjKlMnOpQrStUv_012_000.png"] == expected.getvalue()
    expected = io.BytesIO()
    query = Image.open(io.BytesIO(jpeg(960, 1280)))
    query.resize((480, 640), Image.Resampling.BILINEAR).save(expected, "JPEG")
    assert by_source[f"{ZIP}/247query_subset_v2/01099.jpg"] == expected.getvalue()


def test_settings_choose_queries_size_and_quality(tmp_path: Path) -> None:
    tokyo_raw(tmp_path / "raw", "247query_v3")
    settings = Tokyo247Settings("247query_v3", 30, 90)
    made = format_set(read_tokyo247(tmp_path / "raw", settings, HELD), tmp_path / "set", workers=1)
    assert {min(row.width, row.height) for row in made.where(role="queries")} == {30}
    expected = io.BytesIO()
    Image.open(io.BytesIO(png(seed=0))).save(expected, "JPEG", quality=90)
    by_source = {row.source: made.read(row) for row in made.rows}
    assert by_source["03814.tar/03814/AbCdEfGhIjKlMnOpQrStUv_012_000.png"] == expected.getvalue()
    with pytest.raises(
        MissingInputError, match=r"1 of 1 archives are missing in .*:\s+247query_subset_v2\.zip"
    ):
        next(read_tokyo247(tmp_path / "raw", SETTINGS, HELD))


@pytest.mark.parametrize(
    ("values", "message"),
    [
        (("v2", 480, 75), "x.queries must be one of 247query_subset_v2, 247query_v3, not 'v2'"),
        (("247query_v3", 0, 75), "x: queries_shorter_side must be at least 1 (pixels), not 0"),
        (("247query_v3", 480, 96), "x: jpeg_quality must be between 1 and 95, not 96"),
    ],
)
def test_impossible_settings_are_refused(values: tuple[str, int, int], message: str) -> None:
    with pytest.raises(ParameterError) as caught:
        build(Tokyo247Settings, dict(zip(NAMES, values, strict=True)), "x")
    assert caught.value.message == message


def test_the_time_of_day_is_the_letter_or_else_the_number(tmp_path: Path) -> None:
    lines = {
        "00001": f"00001.jpg{LINE}D,more",
        "00002": f"00002.jpg{LINE} S ",
        "00003": f"00003.jpg{LINE}N\r\nsecond line,N",
        "00004": "00004.jpg,35.66,139.75",
        "00005": f"00005.jpg{LINE}",
        "00381": f"00381.jpg{LINE},",
        "IMG_7": f"IMG_7.jpg{LINE}N",
        "IMG_8": f"IMG_8.jpg{LINE}",
    }
    assert times(tmp_path, lines) == {
        "00001": "day",
        "00002": "sunset",
        "00003": "night",
        "00004": "day",
        "00005": "sunset",
        "00381": "night",
        "IMG_7": "night",
        "IMG_8": "",
    }


def test_letters_that_contradict_numbers_are_named(tmp_path: Path) -> None:
    with pytest.raises(SetError) as caught:
        times(tmp_path, {"00001": f"00001.jpg{LINE}N", "00002": f"x{LINE}S", "00003": f"x{LINE}D"})
    assert caught.value.message == (
        "2 of 3 queries have an invalid CSV:\n"
        f"    {ZIP}/q/00001.csv: the letter N says night, the number 00001 says day\n"
        f"    {ZIP}/q/00003.csv: the letter D says day, the number 00003 says night"
    )


@pytest.mark.parametrize(
    ("line", "message"),
    [
        (f"00001.jpg{LINE}X", "00001.csv: the time of day must be the letter D, S or N, not 'X'"),
        (
            "00001.jpg,35.66",
            "expected name,latitude,longitude,... in the first line, found '00001.jpg,35.66'",
        ),
        ("", "expected name,latitude,longitude,... in the first line, found ''"),
        ("00001.jpg,north,139.7", "latitude of an image is not a number: 'north'"),
        ("a@b.jpg,35.66,139.75", "pano_id of an image name may not contain '@'"),
        ("00001.jpg,95,139.75", "cannot be named: latitude out of range"),
    ],
)
def test_tables_that_cannot_be_used_are_named(tmp_path: Path, line: str, message: str) -> None:
    with pytest.raises(SetError) as caught:
        times(tmp_path, {"00001": line})
    assert "1 of 1 queries have an invalid CSV" in caught.value.message
    assert f"{ZIP}/q/00001.csv" in caught.value.message
    assert message in caught.value.message


def test_queries_without_a_table_are_named(tmp_path: Path) -> None:
    tokyo_raw(tmp_path)
    write_zip(tmp_path / ZIP, {"q/1.jpg": jpeg(), "q/1.csv": b"1,2,3", "q/2.jpg": jpeg(), "q/3.JPG": jpeg()})
    with pytest.raises(
        BadArchiveError, match=r"2 of 3 queries have no CSV beside them:\s+q/2\.jpg\s+q/3\.JPG"
    ):
        next(read_tokyo247(tmp_path, SETTINGS, HELD))


def test_a_zip_without_queries_is_refused(tmp_path: Path) -> None:
    tokyo_raw(tmp_path)
    write_zip(tmp_path / ZIP, {"README.txt": b"", "__MACOSX/q/._1.jpg": b"", "q/.hidden.jpg": b""})
    with pytest.raises(BadArchiveError, match=r"247query_subset_v2\.zip contains no queries"):
        next(read_tokyo247(tmp_path, SETTINGS, HELD))


def test_listed_panoramas_that_no_archive_holds_are_named(tmp_path: Path) -> None:
    tokyo_raw(tmp_path)
    write_tar(tmp_path / "03829.tar", {"03829/zzAbCdEfGhIjKlMnOpQrSt_012_045.jpg": png()})
    with pytest.raises(
        BadArchiveError, match=r"1 of 5 listed images .*:\s+03829/zzAbCdEfGhIjKlMnOpQrSt_012_045\.png"
    ):
        next(read_tokyo247(tmp_path, SETTINGS, HELD))
    (tmp_path / "03829.tar").unlink()
    with pytest.raises(MissingInputError, match=r"1 of 2 archives are missing in .*:\s+03829\.tar"):
        next(read_tokyo247(tmp_path, SETTINGS, HELD))


def test_a_list_of_other_names_is_refused(tmp_path: Path) -> None:
    tokyo_raw(tmp_path)
    (tmp_path / "tokyo247.mat").write_bytes(
        split_file({"03814/odd.jpg": (386_000.0, 3_947_000.0)}, {"q": (0, 0)})
    )
    with pytest.raises(
        BadArchiveError, match=r"tokyo247\.mat lists '03814/odd\.png', expected a name such as 03814/NAME"
    ):
        next(read_tokyo247(tmp_path, SETTINGS, HELD))


@pytest.mark.parametrize(("angle", "tile"), [("000", "00"), ("30", "01"), ("045", "01"), ("330", "11")])
def test_tiles_are_thirty_degrees_wide(angle: str, tile: str) -> None:
    name = formatted_name(f"03814/{'P' * 22}_012_{angle}.png", 386_000.0, 3_947_000.0, "x.mat")
    assert name.split("@")[7:9] == ["P" * 22, tile]


def test_images_come_as_the_archives_hold_them(tmp_path: Path) -> None:
    tokyo_raw(tmp_path)
    images: list[RawImage] = list(read_tokyo247(tmp_path, SETTINGS, HELD))
    sources = [image.source for image in images]
    assert sources[:5] == sorted(sources[:5])
    assert [image.role for image in images] == ["database"] * 5 + ["queries"] * 3


def test_queries_alone_need_only_their_archive(tmp_path: Path) -> None:
    tokyo_raw(tmp_path / "whole")
    (tmp_path / "raw").mkdir()
    (tmp_path / "whole" / ZIP).rename(tmp_path / "raw" / ZIP)
    made = format_set(read_tokyo247_queries(tmp_path / "raw", SETTINGS, HELD), tmp_path / "set", workers=1)
    assert made.counts() == {"test/queries": 3}
    assert {row.name for row in made.rows} <= {case["destination"] for case in ROWS}
