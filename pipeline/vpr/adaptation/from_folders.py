"""Adapt a model with a folder of day images and a folder of their nights; positions are not needed."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from functools import partial
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Literal

from pipeline.core.files import read_plain, replaced_folder, require_folder
from pipeline.core.image_files import picture_files
from pipeline.core.image_formats import PICTURE_SUFFIXES
from pipeline.datasets.formatting.build_set import RawImage, Recode, format_set
from pipeline.datasets.formatting.readers.frames import frame_name
from pipeline.datasets.image_set.image_names import night_name
from pipeline.datasets.image_set.image_set import FRAMES, SUFFIXES, ImageSet
from pipeline.night.upkeep.folder import night_of
from pipeline.runtime.errors import MissingInputError, ParameterError
from pipeline.vpr.adaptation.adaptation import AdaptSummary, adapt
from pipeline.vpr.adaptation.folder_lesson import FolderLesson
from pipeline.vpr.adaptation.settings import AdaptSettings
from pipeline.vpr.augmentation.night_lights import Lights
from pipeline.vpr.augmentation.transforms import Augmentation
from pipeline.vpr.experiments.experiment import HUB, MODEL

_SPLIT: Literal["test"] = "test"
# For images that are neither JPEG nor PNG, such as HEIC.
_RECODED = Recode(jpeg_quality=95)


def adapt_from_folders(
    lesson: FolderLesson,
    model: Path,
    days: Path,
    nights: Path,
    out: Path,
    work: Path,
    *,
    device: str,
    workers: int,
) -> AdaptSummary:
    """Adapt the model in the folder `model` to the images below `days` and their nights below `nights`.

    The new model is written into the folder `out` and replaces an earlier model there. The night of `a/b.JPG`
    is `a/bn.jpg` or `a/bn.png`, as `translate_folder` writes it; images without a night are used by day only.
    States are saved below `work`, and the same call resumes a stopped run. `MissingInputError` for a folder
    that does not exist, has no images, or no nights of them; `ParameterError` when `out` is `model`,
    `UserError` when it contains anything but a model; errors as `format_set` and `adapt`.
    """
    if out.resolve() == model.resolve():
        raise ParameterError(
            f"{out} is the folder of the model to be adapted", hint="use another folder for the new model"
        )
    work.mkdir(parents=True, exist_ok=True)
    with replaced_folder(out, is_model, "a model") as folder, TemporaryDirectory(dir=work) as beside:
        images = _set_of(days, nights, Path(beside) / "set", workers)
        settings = _settings(lesson, model, days, workers)
        return adapt(settings, model, images, folder, work, live=None, device=device, workers=workers)


def is_model(folder: Path) -> bool:
    """Whether a folder contains a model: trained by duskline, or of torch.hub."""
    return (folder / MODEL).is_file() or (folder / HUB).is_file()


def _settings(lesson: FolderLesson, model: Path, days: Path, threads: int) -> AdaptSettings:
    return AdaptSettings(
        model=model.name,
        dataset=days.name,
        split=_SPLIT,
        index=lesson.index,
        trainable=lesson.trainable,
        height=lesson.height,
        width=lesson.width,
        steps=lesson.steps,
        batch=lesson.batch,
        lr=lesson.lr,
        warmup=min(20, lesson.steps // 5),
        temperature=0.05,
        night_weight=1.0,
        # Each image is its own positive; images beyond its neighbours show another place.
        positives=None,
        negatives=lesson.neighbours + 0.5,
        similar_places=1,
        teacher_share=lesson.teacher_share,
        autocast="auto",
        cpu_threads=threads,
        seed=lesson.seed,
        night_augmentation=Augmentation(lights=Lights(shade=0.5, windows=40, lamps=4, noise=6)),
    )


def _set_of(days: Path, nights: Path, root: Path, workers: int) -> ImageSet:
    """Write all images as a dataset whose positions are their numbers in the order of their names."""
    for folder in (days, nights):
        require_folder(folder)
    names = picture_files(days)
    if not names:
        raise MissingInputError(f"no images ({', '.join(PICTURE_SUFFIXES)}) in {days} or below it")
    images = list(_images(days, names, nights))
    if len(images) == len(names):
        raise MissingInputError(
            f"{nights} has no night image of any image in {days}",
            hint="the order is MODEL DAYS NIGHTS OUT; if there are no nights yet, make them in a new folder:"
            f" duskline translate {days} NEW_FOLDER --photometric classical",
        )
    return format_set(images, root, workers=workers, label="read")


def _images(days: Path, names: Sequence[str], nights: Path) -> Iterator[RawImage]:
    for number, name in enumerate(names):
        named = frame_name("", number, number)
        yield _image(days / name, named, "day")
        found = (nights / night_of(name, suffix) for suffix in SUFFIXES)
        if night := next((path for path in found if path.is_file()), None):
            yield _image(night, night_name(named), "night")


def _image(path: Path, name: str, time_of_day: str) -> RawImage:
    suffix = path.suffix.lower()
    return RawImage(
        split=_SPLIT,
        role="database",
        file_name=name.removesuffix(".jpg") + (".png" if suffix == ".png" else ".jpg"),
        source=str(path),
        read=partial(read_plain, path),
        time_of_day=time_of_day,
        recode=None if suffix in (".jpg", ".jpeg", ".png") else _RECODED,
        positions_in=FRAMES,
        loose=True,
    )
