"""What params.yaml asks for from outside: archives, terms, checkpoints, weights, own folders."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path
from typing import Any

from pipeline.datasets.archives.local_archives import find_local_archive
from pipeline.datasets.fetching.download import is_address
from pipeline.datasets.sources.registry import Source, read_source
from pipeline.doctor.findings import Finding
from pipeline.forecast.disk_need import archive_size
from pipeline.runtime.human_readable import size

# Files named before the others are counted.
_SHOWN = 4


def check_sources(params: Mapping[str, Any], held: Path, raw: Path) -> Iterator[Finding]:
    """Every source under `fetch`: at hand, to be downloaded, or in need of the user."""
    for name, section in (params.get("fetch") or {}).items():
        source = read_source(name)
        if (raw / name).is_dir() and source.kind != "archives":
            yield Finding("source", "ok", f"{name}: made, in {raw / name}")
        elif source.kind == "city":
            yield Finding("source", "ok", f"{name}: drawn here, needs nothing from outside")
        elif source.kind == "checkpoint":
            yield _checkpoint(source, str(section.get("place", "")), held)
        else:
            yield _archives(source, bool(section.get("accept_terms")), held)


def _archives(source: Source, accepted: bool, held: Path) -> Finding:
    missing = [file for file in source.files if find_local_archive(held, source.folders, file.name) is None]
    total = len(source.files)
    if not missing:
        return Finding("source", "ok", f"{source.name}: all {total} archives are in {held}")
    sizes = [archive_size(file) for file in missing]
    known = sum(amount for amount in sizes if amount is not None)
    amount = f", {size(known)}" + (" and more" if None in sizes else "") if known else ""
    names = ", ".join(file.name for file in missing[:_SHOWN])
    more = f" and {len(missing) - _SHOWN} more" if len(missing) > _SHOWN else ""
    found = f"{source.name}: {len(missing)} of {total} archives are not at hand ({names}{more}{amount})"
    bring = f"put them into {held / source.name}/ if you have them"
    nowhere = [file.name for file in missing if not file.places]
    if nowhere:
        return Finding("source", "fault", f"{found}; {', '.join(nowhere)} can be had nowhere", bring)
    if source.terms and not accepted:
        return Finding(
            "source",
            "fault",
            f"{found}; its terms are not accepted, so it is not downloaded",
            f"{bring}; or read `duskline sources {source.name}` and set accept_terms: true under"
            f" fetch.{source.name} in params.yaml",
        )
    return Finding("source", "note", f"{found}; `dvc repro` will download them", bring)


def _checkpoint(source: Source, place: str, held: Path) -> Finding:
    there = [path for path in (Path(place), held / place, held / source.name / place) if path.is_file()]
    if there and place:
        return Finding("source", "ok", f"{source.name}: {there[0]}, {size(there[0].stat().st_size)}")
    if is_address(place):
        return Finding("source", "note", f"{source.name}: `dvc repro` will download it from {place}")
    return Finding(
        "source",
        "fault",
        f"{source.name}: no checkpoint at {place or 'no place'}",
        f"bring the file ({source.published or 'not published'}), give its place under fetch.{source.name},"
        " or train one of your own with train_unit",
    )


def check_checkpoints(params: Mapping[str, Any]) -> Iterator[Finding]:
    """Translators that the nights are made by, and weights that trainings begin with."""
    trained = {f"models/unit/{name}.pt" for name in params.get("train_unit") or ()}
    fetched = {f"data/raw/{name}/gen.pt" for name in params.get("fetch") or ()}
    wanted = {
        str(section.get("checkpoint")): f"translate.{name}"
        for name, section in (params.get("translate") or {}).items()
    }
    for path, by in wanted.items():
        if path in trained | fetched:
            yield Finding("translator", "ok", f"{path}: made by a stage of its own")
        elif Path(path).is_file():
            yield Finding("translator", "ok", f"{path}: {size(Path(path).stat().st_size)}")
        else:
            yield Finding(
                "translator",
                "fault",
                f"{path}, which {by} wants, is not there",
                "bring it, or name another under translate in params.yaml: a file,"
                " models/unit/<train_unit name>.pt, or data/raw/<fetch name>/gen.pt",
            )
    for name, section in (params.get("train_unit") or {}).items():
        vgg = str(section.get("vgg"))
        if vgg not in ("none", "None") and not Path(vgg).is_file():
            yield Finding(
                "weights",
                "fault",
                f"{vgg}, which train_unit.{name} wants, is not there",
                "bring it, or set vgg_w: 0 and vgg: none",
            )
    pretrained = sorted(
        name for name, section in (params.get("train") or {}).items() if section.get("weights") == "imagenet"
    )
    if pretrained:
        yield Finding(
            "weights",
            "note",
            f"{len(pretrained)} models begin with ImageNet's weights, which torchvision downloads once",
        )


# Files and folders of the user's own that sections name, by section and parameter.
_OWN = {
    "format": ("raw",),
    "pictures": ("folder",),
    "train_unit": ("day", "night"),
    "select": ("corrections",),
    "model_file": ("file",),
    "hub_local": ("repository",),
    "compare": ("checkpoints",),
}


def check_own_files(params: Mapping[str, Any], made: Iterable[Path]) -> Iterator[Finding]:
    """Folders and files of the user's own that params.yaml names; those in `made` come from stages."""
    made = list(made)
    own = {
        where: path
        for where, path in _named_paths(params)
        if not any(path.is_relative_to(folder) for folder in made)
    }
    missing = {where: path for where, path in own.items() if not path.exists()}
    for where, path in missing.items():
        advice = f"bring it, or mend {where} in params.yaml"
        yield Finding("own files", "fault", f"{path}, which {where} names, is not there", advice)
    if own and not missing:
        yield Finding(
            "own files", "ok", f"all there: {', '.join(sorted({str(path) for path in own.values()}))}"
        )


def _named_paths(params: Mapping[str, Any]) -> Iterator[tuple[str, Path]]:
    for section, names in _OWN.items():
        for entry, values in (params.get(section) or {}).items():
            for name in names:
                if isinstance(values.get(name), str):
                    yield f"{section}.{entry}.{name}", Path(values[name])
    for entry, values in (params.get("format") or {}).items():
        raw = Path(str(values.get("raw")))
        # Without the folder of them all, that one is named.
        if values.get("form") == "traverses" and raw.is_dir():
            for folder in values.get("traverses") or ():
                yield f"format.{entry}.traverses.{folder}", raw / str(folder)
