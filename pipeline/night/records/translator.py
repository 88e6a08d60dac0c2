"""What a translator is, in which form its images are written, and the two together: a recipe."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any, Protocol, runtime_checkable

import numpy as np

from pipeline.core.files import digest_document
from pipeline.core.image_io import DECODING
from pipeline.runtime.errors import DusklineError, ParameterError

# The file that tells a recipe in words, in the work store and beside the nights.
RECIPE = "recipe.json"

# What `Translator.record` must tell.
RECORD_KEYS = ("translator", "checkpoint_digest", "settings", "numeric_path")


class Translator(Protocol):
    """Turns an image of the day into one of the night.

    The result depends on nothing but the pixels and on what `digest` stands for: no neighbours, no counters,
    no clock. An image that cannot be translated (too large, for instance) is a `BadImageError`, with a
    message that depends on the image alone.
    """

    @property
    def digest(self) -> str:
        """Identity of everything but the image: weights, settings, resolved numeric path."""
        ...

    def record(self) -> dict[str, str]:
        """Tell `RECORD_KEYS`: kind of translator, digest of its weights, settings as JSON, numeric path."""
        ...

    def memory(self, width: int, height: int) -> int:
        """Estimate the bytes that an image of this size takes at most while it is translated."""
        ...

    def __call__(self, pixels: np.ndarray) -> np.ndarray:
        """Translate (H, W, 3) uint8 RGB to (H', W', 3) uint8 RGB."""
        ...


class Prepared(Protocol):
    """An image as a `BatchTranslator` takes it; those of one shape can be translated together."""

    @property
    def shape(self) -> tuple[int, ...]:
        """What must be equal within a batch."""
        ...


@runtime_checkable
class BatchTranslator(Translator, Protocol):
    """A translator that is fastest with many images at a time, as one on a GPU.

    batch: so many at most; it may shrink. threads: how many may prepare and finish other images meanwhile.
    An image's result may differ with its neighbours in a batch, by one level at most.
    """

    batch: int
    threads: int

    def prepare(self, pixels: np.ndarray) -> Prepared:
        """Bring (H, W, 3) uint8 RGB into the form that `translate` takes; `BadImageError` as in a call."""
        ...

    def translate(self, pictures: Sequence[Any]) -> list[np.ndarray]:
        """Translate up to `batch` prepared images of one shape."""
        ...

    def finish(self, night: np.ndarray, picture: Any) -> np.ndarray:
        """Bring a translated image into its final form."""
        ...


# Called once in every worker process, so it is picklable: a module-level function, a `functools.partial` of
# one, or an instance of a module-level class. It also sets its library's threads to one, because bytes may
# not depend on how many workers share the machine. One that needs a GPU has an attribute `device`, "cuda", by
# which a cluster knows.
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
        """Return what the bytes depend on: PNG is lossless and knows no quality."""
        return {"suffix": self.suffix} | ({"quality": self.quality} if self.suffix == ".jpg" else {})


@dataclass(frozen=True)
class Recipe:
    """Everything that a night depends on, except its day: a translator's identity and the output format."""

    translator_digest: str
    record: dict[str, str]
    output: OutputFormat

    @classmethod
    def of(cls, translator: Translator, output: OutputFormat) -> Recipe:
        """Take the identity of `translator`; `DusklineError` when its record lacks something."""
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
        """SHA-256 of the settings, those of the output format among them."""
        return digest_document({"settings": self.record["settings"], "output": self.output.document()})

    def document(self) -> dict[str, object]:
        """Return the recipe in words, as the work store and every night set keep it."""
        return {
            **self.record,
            "translator_digest": self.translator_digest,
            "output": self.output.document(),
            "decoding": DECODING,
            "settings_digest": self.settings_digest,
        }


def recipe_digest(document: Mapping[str, object]) -> str:
    """Return the digest of the recipe that `document` tells in words: what its nights depend on, no more."""
    # Before 2.0 a recipe did not tell how its days were decoded.
    decoding = {"decoding": document["decoding"]} if "decoding" in document else {}
    return digest_document(
        {"translator": document["translator_digest"], "output": document["output"], **decoding}
    )
