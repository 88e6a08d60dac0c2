"""Make night images of a folder of images, from Python.

    python examples/translate_in_python.py stand_ins/day my_nights --shorter-side 96

IN is never changed. A second run translates only new and changed images. The weights that come with duskline
know only the embedded city; for real streets, give a --checkpoint.
"""

from __future__ import annotations

import argparse
from pathlib import Path

from pipeline.core.image_io import read_rgb
from pipeline.night.records.provenance import read_origins
from pipeline.night.records.translator import OutputFormat
from pipeline.night.upkeep.folder import translate_folder
from pipeline.runtime.machine import read_machine
from stages.unit_factory import UnitFactory
from unit.network.settings import UnitSettings


def main() -> None:
    parser = argparse.ArgumentParser(usage=__doc__)
    parser.add_argument("folder", metavar="IN", type=Path)
    parser.add_argument("out", metavar="OUT", type=Path)
    parser.add_argument("--checkpoint", type=Path, default=Path("unit/weights/city.pt"))
    parser.add_argument("--shorter-side", type=int, default=512, help="pixels that the network sees")
    given = parser.parse_args()

    settings = UnitSettings(
        direction="day2night",
        shorter_side=given.shorter_side,
        stretch="none",
        size="source",
        detail="source",
        dtype="auto",
    )
    # Workers, device and work store are those of the machine: DUSKLINE_* or duskline.local.yaml.
    machine = read_machine()
    factory = UnitFactory.on(machine, given.checkpoint, settings)
    jpeg, store = OutputFormat(".jpg", quality=90), machine.work / "nights"
    summary = translate_folder(given.folder, given.out, factory, jpeg, store, factory.workers, max_failed=1.0)
    print(summary)
    for origin in read_origins(given.out):
        if origin.status == "failed":
            print(f"{origin.source}: {origin.reason}")

    # A single picture needs no folder: (height, width, 3) uint8 RGB in, and the same out.
    first = next(origin for origin in read_origins(given.out) if origin.status == "done")
    day = read_rgb(given.folder / first.source)
    night = factory()(day)
    print(f"{first.source}: mean level {day.mean():.0f} by day, {night.mean():.0f} by night")


# Workers import this file again, so nothing may run at import.
if __name__ == "__main__":
    main()
