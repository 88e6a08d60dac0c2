"""The forms of raw data: the settings and the reader of each."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

from pipeline.datasets.formatting.build_set import RawImage
from pipeline.datasets.formatting.readers.common import CommonSettings, read_common
from pipeline.datasets.formatting.readers.folder import FolderSettings, read_folder
from pipeline.datasets.formatting.readers.gsv_cities import GsvCitiesSettings, read_gsv_cities
from pipeline.datasets.formatting.readers.msls import MslsSettings, read_msls
from pipeline.datasets.formatting.readers.pittsburgh import PittsburghSettings, read_pittsburgh
from pipeline.datasets.formatting.readers.st_lucia import StLuciaSettings, read_st_lucia
from pipeline.datasets.formatting.readers.tokyo247 import (
    Tokyo247Settings,
    read_tokyo247,
    read_tokyo247_queries,
)
from pipeline.datasets.formatting.readers.traverses import TraversesSettings, read_traverses
from pipeline.datasets.formatting.readers.vpr_bench import VprBenchSettings, read_vpr_bench
from pipeline.runtime.errors import ParameterError

# Takes the folder of raw data, the settings of the form, and the folder of archives kept elsewhere.
Reader = Callable[[Path, Any, Path], Iterator[RawImage]]

READERS: dict[str, tuple[type[Any], Reader]] = {
    "pittsburgh": (PittsburghSettings, read_pittsburgh),
    "tokyo247": (Tokyo247Settings, read_tokyo247),
    "tokyo247_queries": (Tokyo247Settings, read_tokyo247_queries),
    "common": (CommonSettings, read_common),
    "folder": (FolderSettings, read_folder),
    "traverses": (TraversesSettings, read_traverses),
    "vpr_bench": (VprBenchSettings, read_vpr_bench),
    "st_lucia": (StLuciaSettings, read_st_lucia),
    "gsv_cities": (GsvCitiesSettings, read_gsv_cities),
    "msls": (MslsSettings, read_msls),
}


def reader_of(form: str, where: str) -> tuple[type[Any], Reader]:
    """The settings and the reader of a form; `ParameterError` names the section `where`, if it is unknown."""
    if form not in READERS:
        raise ParameterError(f"{where}.form must be one of {', '.join(READERS)}, not {form!r}")
    return READERS[form]
