"""What systems and programs keep among a user's photographs: thumbnails, recycle bins, caches, snapshots.

One list for everybody who lists files. Only names that nobody gives to a folder of photographs are in it: a
folder `thumbnails` or `Previews` may be the user's own.
"""

from __future__ import annotations

import os
import re
from pathlib import Path

# By whose they are: names of files and folders, in any case. `*` stands for anything within a name; a name
# after a slash is meant only there.
_NAMES = {
    # .DS_Store, ._photo.jpg, .Trash-1000, .thumbnails, .@__thumb, .picasaoriginals, .trashed-...-photo.jpg
    "hidden, by every system and many programs": (".*",),
    "macOS": ("__MACOSX", "Network Trash Folder", "Temporary Items", "TheVolumeSettingsFolder"),
    "Apple's photo programs": (
        *("*.photoslibrary/resources", "*.photolibrary/resources"),
        *("*.photolibrary/Thumbnails", "*.photolibrary/Previews"),
        *("*.aplibrary/Thumbnails", "*.aplibrary/Previews"),
        *("iPod Photo Cache", "PhotoData/Thumbnails", "PhotoData/Metadata"),
    ),
    "Windows": ("$RECYCLE.BIN", "RECYCLER", "System Volume Information", "found.00*"),
    "Linux": ("lost+found",),
    "Android": ("LOST.DIR",),
    "Synology": (
        *("@eaDir", "#recycle", "#snapshot", "@tmp", "@sharebin", "@Syno*"),
        *("*@SynoEAStream", "*@SynoResource"),
        *("SYNOPHOTO_*", "SYNOINDEX_*", "SYNOFILE_*", "SYNOVIDEO_*"),
    ),
    "QNAP": ("@Recycle", "@Recently-Snapshot", "@__thumb", "@__qini", "@Transcode"),
    "other network storage": ("_NAS_Recycle_*", "trashbox"),
    "Nextcloud": ("appdata_*/preview", "files_trashbin", "files_versions"),
    "Lightroom": ("*.lrdata",),
    "Capture One": ("CaptureOne/Cache",),
    "Sony's cameras, of films": ("M4ROOT/THMBNL",),
}

_ANY = "|".join(re.escape(name).replace(r"\*", "[^/]*") for of_one in _NAMES.values() for name in of_one)
_CLUTTER = re.compile(f"(?:^|/)(?:{_ANY})(?:/|$)", re.IGNORECASE)

# Placeholders, which clouds leave for files that they have not brought: what stands before and behind the
# name of the file that is meant. iCloud's, Nextcloud's, ownCloud's.
_FORMS = ((".", ".icloud"), ("", ".nextcloud"), ("", ".owncloud"))


def is_clutter(path: str) -> bool:
    """Whether a POSIX path is, or is in, what a system or program keeps there for itself."""
    return _CLUTTER.search(path) is not None


def meant_by_placeholder(path: str) -> str:
    """The POSIX path of the file that a placeholder stands for; "" for other paths."""
    folder, slash, name = path.rpartition("/")
    for before, behind in _FORMS:
        meant = name.removeprefix(before).removesuffix(behind)
        if meant and name == f"{before}{meant}{behind}":
            return f"{folder}{slash}{meant}"
    return ""


def is_in_cloud(path: Path) -> bool:
    """Whether a placeholder lies where the file is to be."""
    return any(os.path.lexists(path.with_name(f"{before}{path.name}{behind}")) for before, behind in _FORMS)
