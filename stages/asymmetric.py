"""Stage `asymmetric`: combine two models: one describes queries, the other describes databases."""

from __future__ import annotations

from stages.command import stage_command
from stages.places import RECOGNISERS


@stage_command("asymmetric")
def main(name: str) -> str:
    """Combine two models: one describes the queries, the other one built the index that they search."""
    from pipeline.core.params import build, read_params, section_of
    from pipeline.vpr.experiments.asymmetric import Asymmetric, join_models

    names = build(Asymmetric, section_of(read_params(), "asymmetric", name), f"asymmetric.{name}")
    join_models(names, RECOGNISERS, RECOGNISERS / name)
    return names.words


if __name__ == "__main__":
    main()
