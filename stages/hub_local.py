"""Stage `hub_local`: a third-party descriptor model, through torch.hub from a folder."""

from __future__ import annotations

from stages.command import stage_command
from stages.places import RECOGNISERS


@stage_command("hub_local")
def main(name: str) -> str:
    """Load a model through torch.hub from a folder and record what it is; this runs the repository's code."""
    from pipeline.core.params import build, read_params, section_of
    from pipeline.vpr.experiments.torch_hub import HubModel, register_hub_model

    section = section_of(read_params(), "hub_local", name)
    model = build(HubModel, section | {"source": "local"}, f"hub_local.{name}")
    size = register_hub_model(model, RECOGNISERS / name)
    return f"{model.words}, descriptors of {size:,} numbers"


if __name__ == "__main__":
    main()
