"""Checks all images before long work begins, so that a bad image does not stop it after hours."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from concurrent.futures import ThreadPoolExecutor

from pipeline.runtime.errors import BadImageError, DusklineError, listed
from pipeline.runtime.progress import progress


def unreadable(reads: Mapping[str, Callable[[], object]], threads: int) -> dict[str, str]:
    """Read each image, in `threads` threads; return the reasons of those that cannot be read, by name."""

    def reason(read: Callable[[], object]) -> str:
        try:
            read()
        except DusklineError as error:
            return error.message
        except OSError as error:
            return f"{error.filename}: cannot be read ({error.strerror})"
        return ""

    with ThreadPoolExecutor(threads) as pool:
        reasons = pool.map(reason, reads.values())
        seen = progress(zip(reads, reasons, strict=True), total=len(reads), label="check images")
        return {name: why for name, why in seen if why}


def refuse_unreadable(reasons: Iterable[str], hint: str) -> None:
    """Raise `BadImageError` with all reasons, if there are any."""
    reasons = sorted(reasons)
    if reasons:
        raise BadImageError(f"{len(reasons)} images cannot be used for training:{listed(reasons)}", hint=hint)
