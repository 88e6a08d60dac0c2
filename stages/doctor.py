"""`duskline doctor`: whether this machine can run what params.yaml asks for, and what to do if not."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

import click

from stages.command import worded_command
from stages.places import RAW, RECOGNISERS, SETS, UNIT_MODELS


@worded_command("doctor")
def main() -> None:
    """Check this machine: one line per check, with ok, note, warning or fault, and what to do about it.

    Checks Python and its libraries, the GPU, processors and memory, links between DVC's cache and the data,
    remotes, archives and checkpoints. Compares the free space on each disk with what params.yaml needs.
    Estimates what training runs need of a GPU, where that can be calculated.

    The exit code is 1 when a fault would stop `dvc repro`. Only the check of remotes uses the network.
    """
    from collections import Counter

    from pipeline.doctor.machine_check import check_machine
    from pipeline.runtime.errors import DusklineError

    grades: Counter[str] = Counter()
    for subject, finding in check_machine(RAW, SETS, RECOGNISERS, UNIT_MODELS, _wrong_sections, _learning):
        click.echo(finding.line(subject))
        grades[finding.grade] += 1
    counted = f"{_some(grades['fault'], 'fault')}, {_some(grades['warning'], 'warning')}"
    if grades["fault"]:
        raise DusklineError(f"{counted}: `dvc repro` would fail", hint="do what the lines with -> say")
    click.echo(f"{counted}: `dvc repro` can run.")


def _wrong_sections(params: Mapping[str, Any]) -> Iterable[str]:
    from stages.sections import wrong_sections

    return wrong_sections(params)


def _learning(params: Mapping[str, Any], cores: int) -> Iterable[str]:
    from pipeline.vpr.forecast.learning_need import learning_needs

    return (need.in_words(cores) for need in learning_needs(params))


def _some(count: int, what: str) -> str:
    return f"{count} {what}{'' if count == 1 else 's'}"


if __name__ == "__main__":
    main()
