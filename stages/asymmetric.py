"""Stage `asymmetric`: two models as one, of which one describes queries and the other databases."""

from __future__ import annotations

from stages.command import stage_command
from stages.places import RECOGNISERS


@stage_command("asymmetric")
def main(name: str) -> str:
    """Put two models together: queries are looked for in an index that another model has made."""
    from pipeline.core.params import build, read_params, section_of
    from pipeline.vpr.experiments.asymmetric import Asymmetric, join_models

    names = build(Asymmetric, section_of(read_params(), "asymmetric", name), f"asymmetric.{name}")
    join_models(names, RECOGNISERS, RECOGNISERS / name)
    return names.words


if __name__ == "__main__":
    main()
