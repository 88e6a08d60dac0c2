"""Measure the recall of a descriptor model of torch.hub on the test split of a dataset.

    python examples/test_a_hub_model.py their_repository an_entry data/sets/city_tokyo found --trust-repo

REPOSITORY is owner/name:branch of GitHub or a folder with a hubconf.py. Its code runs with all your rights:
read it before you set --trust-repo. ENTRY is a function of that hubconf.py, called with --arguments. OUT gets
the model's record and, in OUT/results, metrics.json, predictions.csv and images of what was retrieved.
"""

from __future__ import annotations

import argparse
import json
from pathlib import Path

from pipeline.datasets.image_set.image_set import ImageSet
from pipeline.runtime.machine import read_machine
from pipeline.vpr.evaluation.evaluation import evaluate
from pipeline.vpr.experiments.experiment import Experiment, write_experiment
from pipeline.vpr.experiments.torch_hub import HubModel, register_hub_model


def main() -> None:
    parser = argparse.ArgumentParser(usage=__doc__)
    parser.add_argument("repository")
    parser.add_argument("entry")
    parser.add_argument("set", type=Path)
    parser.add_argument("out", metavar="OUT", type=Path)
    parser.add_argument("--arguments", type=json.loads, default={}, help="of the entry, as JSON")
    parser.add_argument("--trust-repo", action="store_true")
    parser.add_argument("--size", type=int, nargs=2, default=(480, 640), help="height and width, pixels")
    given = parser.parse_args()

    source = "local" if Path(given.repository).is_dir() else "github"
    model = HubModel(source, given.repository, given.entry, given.arguments, given.trust_repo)
    print(f"descriptors of {register_hub_model(model, given.out / 'model'):,} numbers")
    settings = Experiment(
        model=given.entry,
        height=given.size[0],
        width=given.size[1],
        queries="hard_resize",
        multi_scale="none",
        radius=25,
        ivfpq_above=None,
        save_descriptors=False,
        autocast="auto",
        cpu_threads=2,
    )
    experiment, results, store = (given.out / name for name in ("experiment", "results", "descriptors"))
    write_experiment(experiment, settings, given.out / "model")
    machine, images = read_machine(), ImageSet.open(given.set)
    found = evaluate(experiment, images, results, store, device=machine.device, workers=machine.workers)
    print(found)


if __name__ == "__main__":
    main()
