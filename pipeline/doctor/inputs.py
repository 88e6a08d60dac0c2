"""Checks the inputs that params.yaml names: archives, terms, checkpoints, weights, own folders."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

from pipeline.core.image_files import ALIKE, alike
from pipeline.datasets.fetching.download import is_address
from pipeline.datasets.sources.registry import Source, read_source
from pipeline.doctor.findings import Finding, fault, note, ok, warning
from pipeline.forecast.disk_need import archive_size, missing_archives
from pipeline.forecast.hindrances import HOW_TO_FIX, hindrances, in_words, names_below
from pipeline.runtime.human_readable import size

# The user's own files and folders that sections name, by section and parameter.
_OWN = {
    "format": ("raw",),
    "image_lists": ("folder",),
    "train_unit": ("day", "night"),
    "select": ("corrections",),
    "model_file": ("file",),
    "hub_local": ("repository",),
    "compare": ("checkpoints",),
}
# Sections that make models, and parameters that name these.
_MODELS = ("train", "adapt", "asymmetric", "model_file", "hub_local", "hub_github")
_NAMING = {"adapt": ("model",), "asymmetric": ("queries", "database"), "experiment": ("model",)}


def check_sources(params: Mapping[str, Any], held: Path, raw: Path) -> Iterator[Finding]:
    """Every source under `fetch`: available, to be downloaded, or to be provided by the user."""
    for name, section in (params.get("fetch") or {}).items():
        source = read_source(name)
        if source.kind == "archives":
            yield _archives(source, bool(section.get("accept_terms")), held)
        elif (raw / name).is_dir():
            yield ok(f"{name}: made, in {raw / name}")
        elif source.kind == "city":
            yield ok(f"{name}: rendered here, needs no download")
        else:
            yield _checkpoint(source, str(section.get("place", "")), held)


def _archives(source: Source, accepted: bool, held: Path) -> Finding:
    missing, total = missing_archives(source, held), len(source.files)
    if not missing:
        return ok(f"{source.name}: all {total} archives are in {held}")
    sizes = [archive_size(file) for file in missing]
    known = sum(amount for amount in sizes if amount is not None)
    amount = f", {size(known)}" + (" and more" if None in sizes else "") if known else ""
    first = f"{missing[0].name} and others" if len(missing) > 1 else missing[0].name
    found = f"{source.name}: {len(missing)} of {total} archives are missing ({first}{amount})"
    bring = f"put them into {held / source.name}/ if you have them"
    nowhere = [file.name for file in missing if not file.places]
    if nowhere:
        return fault(f"{found}; {', '.join(nowhere)} cannot be downloaded from anywhere", bring)
    if source.terms and not accepted:
        return fault(
            f"{found}; its terms are not accepted, so it is not downloaded",
            f"{bring}; or read `duskline sources {source.name}` and set accept_terms: true under"
            f" fetch.{source.name} in params.yaml",
        )
    return note(f"{found}; `dvc repro` will download them", bring)


def _checkpoint(source: Source, place: str, held: Path) -> Finding:
    there = [path for path in (Path(place), held / place, held / source.name / place) if path.is_file()]
    if there:
        return ok(f"{source.name}: {there[0]}, {size(there[0].stat().st_size)}")
    if is_address(place):
        return note(f"{source.name}: `dvc repro` will download it from {place}")
    return fault(
        f"{source.name}: no checkpoint at {place or '(no place given)'}",
        f"get the file ({source.published or 'not published'}) and set its place under fetch.{source.name},"
        " or train your own with train_unit",
    )


def check_translators(params: Mapping[str, Any]) -> Iterator[Finding]:
    """The checkpoints that `translate` names."""
    made = {f"models/unit/{name}.pt" for name in params.get("train_unit") or ()}
    made |= {f"data/raw/{name}/gen.pt" for name in params.get("fetch") or ()}
    sections = params.get("translate") or {}
    for path, by in {str(section.get("checkpoint")): name for name, section in sections.items()}.items():
        if path in made:
            yield ok(f"{path}: made by another stage")
        elif Path(path).is_file():
            yield ok(f"{path}: {size(Path(path).stat().st_size)}")
        else:
            yield fault(
                f"{path}, which translate.{by} needs, does not exist",
                "get it, or name another one under translate in params.yaml: a file,"
                " models/unit/<train_unit name>.pt, or data/raw/<fetch name>/gen.pt",
            )


def check_models(params: Mapping[str, Any], models: Path) -> Iterator[Finding]:
    """Models that sections name: another section makes each, or it is in `models`."""
    made = {str(name) for section in _MODELS for name in params.get(section) or {}}
    for section, fields in _NAMING.items():
        for entry, values in (params.get(section) or {}).items():
            for field in fields:
                name = str(values.get(field))
                if name not in made and not (models / name).is_dir():
                    yield fault(
                        f"no section makes the model {name}, which {section}.{entry}.{field} names",
                        f"name an existing one: {', '.join(sorted(made)) or 'there is none yet'}",
                    )


def check_weights(params: Mapping[str, Any]) -> Iterator[Finding]:
    """Weights that training starts from."""
    for name, section in (params.get("train_unit") or {}).items():
        vgg = str(section.get("vgg"))
        if vgg not in ("none", "None") and not Path(vgg).is_file():
            advice = "get it, or set vgg_w: 0 and vgg: none"
            yield fault(f"{vgg}, which train_unit.{name} needs, does not exist", advice)
    pretrained = [section.get("weights") for section in (params.get("train") or {}).values()]
    if count := pretrained.count("imagenet"):
        yield note(f"ImageNet weights for {count} of the models: torchvision downloads them once")


def check_own_files(params: Mapping[str, Any], made: Sequence[Path]) -> Iterator[Finding]:
    """The user's own folders and files that params.yaml names; those in `made` come from stages."""
    own = [
        (where, path)
        for where, path in _named_paths(params)
        if not any(path.is_relative_to(folder) for folder in made)
    ]
    missing = [(where, path) for where, path in own if not path.exists()]
    for where, path in missing:
        yield fault(f"{path}, named by {where}, does not exist", f"get it, or fix {where} in params.yaml")
    if own and not missing:
        yield ok(f"all found: {', '.join(sorted({str(path) for _, path in own}))}")


def check_own_folders(params: Mapping[str, Any], made: Sequence[Path], repo: Any) -> Iterator[Finding]:
    """What in the user's own folders stops DVC, or would collide on other systems; only listings are read."""
    folders: dict[Path, str] = {}
    for where, path in _named_paths(params):
        below = any(path.is_relative_to(known) for known in (*made, *folders))
        if path.is_dir() and not below:
            folders[path] = where
    for path, where in folders.items():
        if found := hindrances(path, repo):
            yield fault(f"{path}, which {where} names, stops DVC: {in_words(found)}", HOW_TO_FIX)
        if same := alike(names_below(path)):
            more = f" and {len(same) - 1} more" if len(same) > 1 else ""
            yield warning(f"{path}: {ALIKE}: {same[0]}{more}", "rename them, or remove the copies")


def _named_paths(params: Mapping[str, Any]) -> Iterator[tuple[str, Path]]:
    for section, names in _OWN.items():
        for entry, values in (params.get(section) or {}).items():
            for name in names:
                if isinstance(values.get(name), str):
                    yield f"{section}.{entry}.{name}", Path(values[name])
    for entry, values in (params.get("format") or {}).items():
        raw = Path(str(values.get("raw")))
        # If `raw` itself is missing, only that is reported.
        if raw.is_dir():
            for name, path in _below_raw(str(values.get("form")), values):
                yield f"format.{entry}.{name}", raw / path


def _below_raw(form: str, values: Mapping[str, Any]) -> Iterator[tuple[str, str]]:
    """Folders and files that a section of `format` needs in its `raw`, by the parameter that names them."""
    if form == "traverses":
        for folder in values.get("traverses") or ():
            yield f"traverses.{folder}", str(folder)
        if isinstance(matches := values.get("matches"), Mapping):
            yield "matches.file", str(matches.get("file"))
        if frame_list := values.get("frame_list"):
            yield "frame_list", str(frame_list)
    elif form == "vpr_bench":
        yield from (("raw", name) for name in ("ref", "query", "ground_truth_new.npy"))
    elif form == "st_lucia":
        for role in ("database", "queries"):
            yield from ((role, f"{values.get(role)}/{name}") for name in ("webcam_video.avi", "fGPS.txt"))
