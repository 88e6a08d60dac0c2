"""The memory that an image takes is predicted: engines start no more workers than fit."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

from tests.import_graph import ROOT

# In a process of its own, whose peak nothing before has raised.
SCRIPT = """
import sys
from pathlib import Path
import numpy as np
import torch
from tests.unit.generators.files import PUBLISHED, picture, written
from tests.unit.generators.plain import drawn, plain_resnet, plain_unet
from unit.translation.translate import UnitTranslator

def bytes_of(name):
    lines = Path("/proc/self/status").read_text().splitlines()
    return next(int(line.split()[1]) * 1024 for line in lines if line.startswith(name))

torch.set_num_threads(1)
path, side = Path(sys.argv[1]), 768
networks = {
    "unet": plain_unet(32, 8),
    "plain": plain_resnet(32, 1),
    "down": plain_resnet(32, 1, antialias_down=True),
    "cut": plain_resnet(32, 1, antialias_down=True, antialias_up=True),
}
for name, network in networks.items():
    translator = UnitTranslator(written(path, drawn(network)), PUBLISHED)
    translator(picture(64, 64))
    Path("/proc/self/clear_refs").write_text("5")
    before = bytes_of("VmRSS")
    pixels = np.zeros((side, side, 3), np.uint8)
    translator(pixels)
    print(name, bytes_of("VmHWM") - before, translator.memory(side, side))
"""


@pytest.mark.slow
def test_memory_is_predicted(tmp_path: Path) -> None:
    command = [sys.executable, "-c", SCRIPT, str(tmp_path / "drawn.pth")]
    done = subprocess.run(command, cwd=ROOT, check=True, capture_output=True, text=True)
    rows = [line.split() for line in done.stdout.splitlines()]
    assert [name for name, *_ in rows] == ["unet", "plain", "down", "cut"]
    for name, peak, predicted in rows:
        assert int(peak) < 1.1 * int(predicted), name
        assert int(predicted) < 3 * int(peak), name
