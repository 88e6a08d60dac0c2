"""The cluster file in docs/ is one that Ray takes."""

from __future__ import annotations

import yaml
from ray.autoscaler._private import util

from tests.import_graph import ROOT


def test_the_cluster_file_is_one_by_rays_own_rules() -> None:
    config = util.prepare_config(yaml.safe_load((ROOT / "docs" / "cluster.yaml").read_text()))
    util.validate_config(config)
    assert config["max_workers"] == len(config["provider"]["worker_ips"])
