"""Files that systems and programs keep among photographs: thumbnails, recycle bins, caches, snapshots.

One list for all code that lists files. It has only names that nobody gives to a folder of photographs: a
folder `thumbnails` or `Previews` may be the user's own.
"""

from __future__ import annotations

import os
import re
from pathlib import Path

# Names of files and folders by owner, in any case. `*` stands for anything within a name; a name after a
# slash counts only there.
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
    "Sony's cameras, of videos": ("M4ROOT/THMBNL",),
}

_ANY = "|".join(re.escape(name).replace(r"\*", "[^/]*") for of_one in _NAMES.values() for name in of_one)
_CLUTTER = re.compile(f"(?:^|/)(?:{_ANY})(?:/|$)", re.IGNORECASE)

# Placeholders that clouds (iCloud, Nextcloud, ownCloud) leave for files that are not downloaded: prefix and
# suffix of the name of the file.
_FORMS = ((".", ".icloud"), ("", ".nextcloud"), ("", ".owncloud"))


def is_clutter(path: str) -> bool:
    """Whether a POSIX path is, or is inside, something that a system or program keeps for itself."""
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
    """Whether a placeholder is in the place of the file."""
    return any(os.path.lexists(path.with_name(f"{before}{path.name}{behind}")) for before, behind in _FORMS)
