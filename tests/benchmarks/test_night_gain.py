"""The intervals of night gain against cases that are known, and its whole run on a few streets."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from click.testing import CliRunner

from benchmarks.night_gain import __main__ as command
from benchmarks.night_gain import adapted, nights, photographs, recognisers, streets
from benchmarks.night_gain.gains import Bootstrap, Interval
from pipeline.vpr.models.descriptor_model import load_model
from pipeline.vpr.results.metrics import read_metrics
from tests.benchmarks.test_real_nights import ROWS, webcams
from tests.datasets.walks import make_walks

POINTS = np.repeat(np.arange(90), 6)


def test_the_mean_is_of_all_seeds_and_queries_and_lies_in_its_interval() -> None:
    rng = np.random.default_rng(1)
    hits = [rng.random(540) < 0.3 for _ in range(3)]
    found = Bootstrap(POINTS, 3).recall(hits)
    assert found.mean == pytest.approx(100 * np.mean(hits))
    assert found.low < found.mean < found.high
    # A binomial share of 3 x 540 has a standard deviation of 1.1 points.
    assert 3 < found.high - found.low < 7


def test_views_of_one_standpoint_count_as_one() -> None:
    rng = np.random.default_rng(2)
    together = [np.repeat(rng.random(90) < 0.3, 6)] * 3
    apart = [rng.random(540) < 0.3] * 3
    one, other = (Bootstrap(POINTS, 3).recall(hits) for hits in (together, apart))
    assert one.high - one.low > 1.8 * (other.high - other.low)


def test_a_gain_that_every_query_shares_is_sure() -> None:
    rng = np.random.default_rng(3)
    base = [rng.random(540) < 0.3 for _ in range(3)]
    assert Bootstrap(POINTS, 3).gain(base, base) == Interval(0, 0, 0)


def test_the_way_is_a_share_between_two_others() -> None:
    every = np.arange(540)
    arms = {"low": [every % 6 < 1] * 3, "middle": [every % 6 < 2] * 3, "high": [every % 6 < 3] * 3}
    way = Bootstrap(POINTS, 3).way(arms, "low", "middle", "high")
    assert (way.mean, way.low, way.high) == pytest.approx((50, 50, 50))


def test_without_a_way_to_go_there_is_no_share_of_it() -> None:
    arms = {name: [np.arange(540) % 6 < 2] * 3 for name in ("low", "middle", "high")}
    assert np.isnan(Bootstrap(POINTS, 3).way(arms, "low", "middle", "high").mean)


@pytest.mark.slow
def test_a_tiny_run_goes_on_where_it_stopped_and_writes_every_result(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    few = {"train_places": 10, "val_places": 3, "test_places": 3, "yaws": 2}
    monkeypatch.setattr(streets, "CITY", replace(streets.CITY, width=128, height=96, **few))
    monkeypatch.setattr(streets, "UNPAIRED", 4)
    monkeypatch.setattr(
        nights,
        "TRANSLATOR",
        replace(nights.TRANSLATOR, dim=4, n_res=1, dis_dim=4, iterations=4, tied_iterations=1, save_every=2),
    )
    whole, taught = recognisers.settings_of, adapted.settings_of_adapting
    small = {"batch": 4, "height": 96, "width": 128}
    for module in (command, adapted, photographs):
        monkeypatch.setattr(
            module,
            "settings_of",
            lambda arm, seed, relit: replace(whole(arm, seed, relit=relit), queries_per_epoch=8, **small),
        )
        monkeypatch.setattr(module, "SEEDS", (1,))
    monkeypatch.setattr(adapted, "settings_of_adapting", lambda seed: replace(taught(seed), steps=2, **small))
    arguments = [str(tmp_path / "work"), "--out", str(tmp_path / "out")]
    runner = CliRunner()
    some = runner.invoke(command.main, [*arguments, "--arm", "ours", "--seed", "1"], catch_exceptions=False)
    assert some.exit_code == 0
    assert not (tmp_path / "out").exists()
    model = tmp_path / "work/models/ours-1/model.pt"
    made = model.stat().st_mtime_ns
    every = runner.invoke(command.main, arguments, catch_exceptions=False)
    assert every.exit_code == 0
    assert model.stat().st_mtime_ns == made
    entries = json.loads((tmp_path / "out/night_gain.json").read_text())
    assert len(entries) == 6 * 2
    assert {entry["trained_on"] for entry in entries} == set(command.ARMS)
    for arm, said in (("day", "as they are"), ("lights", "with lights"), ("oracle", "as they are")):
        record = load_model(tmp_path / f"work/models/{arm}-1/model.pt")[2]
        assert f"nights of queries {said}" in record["learnt_from"]
    assert {entry["test"] for entry in entries} == {"day", "night"}
    assert all(0 <= entry["recall_at_1"] <= entry["recall_at_5"] <= 100 for entry in entries)
    text = (tmp_path / "out/night_gain.md").read_text()
    assert streets.city_digest() in text
    assert "| ground-truth nights | inf | 1.000 |" in text
    # The adapted ones continue from these.
    adapting = runner.invoke(adapted.main, arguments, catch_exceptions=False)
    assert adapting.exit_code == 0
    assert model.stat().st_mtime_ns == made
    assert (
        read_metrics(tmp_path / "work/results/kept-1/night").described
        == "queries by kept-1, database by day-1"
    )
    assert read_metrics(tmp_path / "work/results/rebuilt-1/night").described == ""
    text = (tmp_path / "out/adapted.md").read_text()
    assert "| by night: kept minus day, points | " in text
    # So does one that learns from nights of another translator, tested on photographs.
    walk = make_walks(tmp_path / "walk", range(5), ("day_left", "day_right", "night_right"))
    cameras = webcams(tmp_path / "webcams", ROWS)
    checkpoint = str(tmp_path / "work/translator/ours.pt")
    real = ["--walk", str(walk), "--webcams", str(cameras), "--camera", "two"]
    found = runner.invoke(photographs.main, [*arguments, checkpoint, *real], catch_exceptions=False)
    assert found.exit_code == 0
    assert model.stat().st_mtime_ns == made
    text = (tmp_path / "out/photographs.md").read_text()
    assert "walk by night (5 queries) | webcams by night (2 queries)" in text
    # Of the same translator, and so the same.
    assert "| photographs minus ours | 0.0 (0.0 to 0.0) | 0.0 (0.0 to 0.0) | 0.0 (0.0 to 0.0) |" in text
