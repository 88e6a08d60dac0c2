from __future__ import annotations

import pytest

from pipeline.core.clutter import is_clutter, meant_by_placeholder

CLUTTER = [
    # Systems.
    *(".a/b.jpg", "a/.b.jpg", "a/._b.jpg", ".Trash-1000/files/b.jpg", "__MACOSX/b.jpg", "__macosx/b.jpg"),
    *("$RECYCLE.BIN/S-1-5/b.jpg", "$Recycle.Bin/b.jpg", "System Volume Information/b.jpg", "found.000/b.jpg"),
    *("lost+found/b.jpg", "LOST.DIR/b.jpg", "Network Trash Folder/b.jpg", "Temporary Items/b.jpg"),
    # Network storage.
    *(
        "@eaDir/b.jpg/SYNOPHOTO_THUMB_XL.jpg",
        "walk/@EADIR/b.jpg",
        "SYNOPHOTO_THUMB_M.jpg",
        "b.jpg@SynoEAStream",
    ),
    *(
        "#recycle/b.jpg",
        "#snapshot/b.jpg",
        "@Recycle/b.jpg",
        "@Recently-Snapshot/b.jpg",
        "@__thumb/s800b.jpg",
    ),
    *(".@__thumb/b.jpg", "appdata_oc1x/preview/1/64-64.jpg", "files_trashbin/files/b.jpg"),
    # Phones and desktops.
    *(".thumbnails/1.jpg", ".trashed-1700000000-IMG_1.jpg", "iPod Photo Cache/b.jpg"),
    *("PhotoData/Thumbnails/b.jpg", "PRIVATE/M4ROOT/THMBNL/C0001T01.JPG"),
    *("Catalog Previews.lrdata/b.jpg", "Photos Library.photoslibrary/resources/derivatives/b.jpeg"),
]

PHOTOGRAPHS = [
    *("a/b.jpg", "a.b/c.jpg", "thumbnails/b.jpg", "Previews/b.jpg", "resources/b.jpg", "recycled/b.jpg"),
    *("@0544000.00@4180000.00@10@S@@@@@@@@@.jpg", "test/queries/@1@2@.jpg", "#1.jpg", "$5.jpg", "lost.jpg"),
    *("Photos Library.photoslibrary/originals/0/b.heic", "eaDir/b.jpg", "photo@eaDir.jpg", "found.jpg"),
    *("metadata/PhotoData/b.jpg", "lrdata/b.jpg", "my SYNOPHOTO_1.jpg"),
]


@pytest.mark.parametrize("path", CLUTTER)
def test_what_systems_and_programs_keep_is_clutter(path: str) -> None:
    assert is_clutter(path)
    assert is_clutter(f"a walk/by day/{path}")


@pytest.mark.parametrize("path", PHOTOGRAPHS)
def test_photographs_are_not(path: str) -> None:
    assert not is_clutter(path)
    assert not is_clutter(f"a walk/by day/{path}")


@pytest.mark.parametrize(
    ("path", "meant"),
    [
        ("walk/.IMG_1.JPG.icloud", "walk/IMG_1.JPG"),
        (".a.b.jpg.icloud", "a.b.jpg"),
        ("walk/a.jpg.nextcloud", "walk/a.jpg"),
        ("a.jpg.owncloud", "a.jpg"),
        ("a.jpg.icloud", ""),
        (".icloud", ""),
        ("..icloud", ""),
        (".hidden.jpg", ""),
        ("a.icloud/b.jpg", ""),
    ],
)
def test_what_a_placeholder_stands_for(path: str, meant: str) -> None:
    assert meant_by_placeholder(path) == meant
