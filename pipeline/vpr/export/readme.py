"""The README.md of an exported model: how to load it, input and output, origin, licences."""

from __future__ import annotations

from collections.abc import Sequence
from importlib.metadata import version

from pipeline.datasets.image_set.licence_terms import Terms
from pipeline.vpr.export.exportable import Exportable
from pipeline.vpr.inputs.preprocessing import MEAN, STD


def readme(found: Exportable, entry: str, sizes: Sequence[tuple[int, int]], terms: Sequence[Terms]) -> str:
    """The page, in Markdown.

    entry: the function of hubconf.py. sizes: heights and widths of the images that it was tested with. terms:
    licences of its training data and initial weights, as far as known.
    """
    versions = ", ".join(f"{package} {version(package)}" for package in found.needs)
    return f"""# {entry}

A model for visual place recognition: {found.kind}.
duskline exported it, and is not needed to use it:

```python
import torch

model = torch.hub.load("path/of/this/folder", "{entry}", source="local"{found.call})
descriptors = model(images)
```

## Input and output

- `images`: (N, 3, height, width), float32: RGB in [0, 1], minus ImageNet's mean {MEAN},
  divided by its standard deviation {STD}. {_sizes(found, sizes)}
- `descriptors`: (N, {found.descriptor_size}), float32. The smaller the Euclidean distance between two,
  the more alike the places look. Compare them as they are, without normalisation.
- The model is in eval mode. Leave it there to compute descriptors.

## What it needs

Its weights are in `weights.pt`. {found.whose_code or "Nothing is downloaded."}
It was exported and tested with {versions}.

## Where it comes from

{found.origin}

## Licences

{_terms(found, terms)}
"""


def _sizes(found: Exportable, tested: Sequence[tuple[int, int]]) -> str:
    adapted = [found.adapted_at] if found.adapted_at else []
    done = [("adapted", adapted), ("tested", tested)]
    said = [f"{what} at {', '.join(map(_pixels, sizes))} pixels" for what, sizes in done if sizes]
    if not said:
        return "The height and\n  width at which it was tested are not known."
    return f"It was\n  {' and '.join(said)} (width x height)."


def _pixels(size: tuple[int, int]) -> str:
    height, width = size
    return f"{width}x{height}"


def _terms(found: Exportable, terms: Sequence[Terms]) -> str:
    lines = [_line(one) for one in terms]
    if found.whose_code:
        lines.append("- The code that it runs and its initial weights: the terms of their owners.")
    return "\n".join(lines) or "They are not known: ask whoever gave it to you."


def _line(one: Terms) -> str:
    said = [f"- {one.title}: {one.licence}", one.terms, one.citation and f"Please cite: {one.citation}"]
    return ". ".join(part.removesuffix(".") for part in said if part) + "."
