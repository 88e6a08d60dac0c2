"""What a translator is, how its images are written, and both together: a recipe."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any, Protocol, runtime_checkable

import numpy as np

from pipeline.core.files import digest_document
from pipeline.core.image_io import DECODING
from pipeline.runtime.errors import DusklineError, ParameterError

# The file that describes a recipe, in the work store and beside the nights.
RECIPE = "recipe.json"

# The keys of `Translator.record`.
RECORD_KEYS = ("translator", "checkpoint_digest", "settings", "numeric_path")


class Translator(Protocol):
    """Turns a day image into a night image.

    The result depends only on the pixels and on what `digest` covers: not on other images, counters or a
    clock. An image that cannot be translated (too large, for instance) is a `BadImageError`, with a message
    that depends only on the image.
    """

    @property
    def digest(self) -> str:
        """Digest of everything but the image: weights, settings, resolved numeric path."""
        ...

    def record(self) -> dict[str, str]:
        """Return `RECORD_KEYS`: kind of translator, digest of its weights, settings as JSON, numeric path."""
        ...

    def memory(self, width: int, height: int) -> int:
        """Estimate the peak memory of translating an image of this size, in bytes."""
        ...

    def __call__(self, pixels: np.ndarray) -> np.ndarray:
        """Translate (H, W, 3) uint8 RGB to (H', W', 3) uint8 RGB."""
        ...


class Prepared(Protocol):
    """An image as a `BatchTranslator` takes it; images of the same shape can be translated together."""

    @property
    def shape(self) -> tuple[int, ...]:
        """What must be equal within a batch."""
        ...


@runtime_checkable
class BatchTranslator(Translator, Protocol):
    """A translator that is fastest with many images at a time, such as one on a GPU.

    batch: maximum number of images; it may shrink. threads: how many may prepare and finish other images
    meanwhile. A result may depend on the other images in its batch, by at most one level.
    """

    batch: int
    threads: int

    def prepare(self, pixels: np.ndarray) -> Prepared:
        """Convert (H, W, 3) uint8 RGB to the input of `translate`; `BadImageError` as in a call."""
        ...

    def translate(self, pictures: Sequence[Any]) -> list[np.ndarray]:
        """Translate up to `batch` prepared images of one shape."""
        ...

    def finish(self, night: np.ndarray, picture: Any) -> np.ndarray:
        """Convert a translated image to its final form."""
        ...


# Called once in every worker process, so it must be picklable: a module-level function, a `functools.partial`
# of one, or an instance of a module-level class. It also sets its library to one thread, because bytes must
# not depend on the number of workers. One that needs a GPU has an attribute `device`, "cuda", which tells a
# cluster.
MakeTranslator = Callable[[], Translator]


@dataclass(frozen=True)
class OutputFormat:
    """How nights are written: `suffix` ".jpg" or ".png", `quality` 1-95 (of JPEG only)."""

    suffix: str
    quality: int

    def __post_init__(self) -> None:
        if self.suffix not in (".jpg", ".png"):
            raise ParameterError(f"images are written as .jpg or .png, not {self.suffix!r}")
        if not 1 <= self.quality <= 95:
            raise ParameterError(f"the quality of a JPEG must be between 1 and 95, not {self.quality}")

    def document(self) -> dict[str, object]:
        """Return what the bytes depend on: PNG is lossless and has no quality."""
        return {"suffix": self.suffix} | ({"quality": self.quality} if self.suffix == ".jpg" else {})


@dataclass(frozen=True)
class Recipe:
    """Everything that a night depends on, except its day image: the translator and the output format."""

    translator_digest: str
    record: dict[str, str]
    output: OutputFormat

    @classmethod
    def of(cls, translator: Translator, output: OutputFormat) -> Recipe:
        """The recipe of `translator`; `DusklineError` if its record lacks something."""
        record = translator.record()
        missing = [key for key in RECORD_KEYS if key not in record]
        if missing:
            raise DusklineError(
                f"the record of {type(translator).__name__} lacks {', '.join(missing)}",
                hint=f"a translator's record() must have {', '.join(RECORD_KEYS)}",
            )
        return cls(translator.digest, {key: str(record[key]) for key in RECORD_KEYS}, output)

    @property
    def digest(self) -> str:
        """The name of this recipe's folder in the work store, 64 hex digits."""
        return recipe_digest(self.document())

    @cached_property
    def settings_digest(self) -> str:
        """SHA-256 of the settings, including the output format."""
        return digest_document({"settings": self.record["settings"], "output": self.output.document()})

    def document(self) -> dict[str, object]:
        """Return the recipe as the work store and every night dataset store it."""
        return {
            **self.record,
            "translator_digest": self.translator_digest,
            "output": self.output.document(),
            "decoding": DECODING,
            "settings_digest": self.settings_digest,
        }


def recipe_digest(document: Mapping[str, object]) -> str:
    """Return the digest of the recipe in `document`: only what its nights depend on."""
    # Before 2.0 a recipe did not say how its days were decoded.
    decoding = {"decoding": document["decoding"]} if "decoding" in document else {}
    return digest_document(
        {"translator": document["translator_digest"], "output": document["output"], **decoding}
    )
