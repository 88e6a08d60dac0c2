from __future__ import annotations

from itertools import pairwise
from pathlib import Path

from pipeline.report.page.charts import HEIGHT, WIDTH, mark, recall_charts
from pipeline.report.tables.results import read_results
from tests.report.made_up import write_evaluation


def test_points_lie_in_the_drawing_and_higher_recall_lies_higher(tmp_path: Path) -> None:
    for experiment, hits in (("low", 20), ("high", 120)):
        write_evaluation(tmp_path, experiment, "city", hits=hits)
    (chart,) = recall_charts(read_results(tmp_path, ["low", "high"], ["city"]))
    low, high = chart.curves
    for below, above in zip(low.points, high.points, strict=True):
        assert above.y < below.y
        assert below.high < below.y < below.low
        assert below.x < above.x, "side by side"
    for curve in chart.curves:
        assert all(0 < point.x < WIDTH and 0 < point.high <= point.low < HEIGHT for point in curve.points)
        assert [point.x for point in curve.points] == sorted(point.x for point in curve.points)
    assert "high, R@1: 60.0 %" in high.points[0].text


def test_ticks_and_chance_share_the_scale(tmp_path: Path) -> None:
    write_evaluation(tmp_path, "one", "city", hits=100)
    (chart,) = recall_charts(read_results(tmp_path, ["one"], ["city"]))
    assert dict(chart.ticks)[50] == chart.curves[0].points[0].y
    assert dict(chart.ticks)[0] > chart.chance[0][1] > chart.chance[3][1]


def test_many_experiments_stay_in_their_column_and_differ_in_look_and_mark(tmp_path: Path) -> None:
    names = [f"e{number:02d}" for number in range(28)]
    for name in names:
        write_evaluation(tmp_path, name, "city")
    (chart,) = recall_charts(read_results(tmp_path, names, ["city"]))
    width = chart.columns[1][1] - chart.columns[0][1]
    for curve in chart.curves:
        for (_, middle), point in zip(chart.columns, curve.points, strict=True):
            assert abs(point.x - middle) < width / 2
    assert len({curve.look for curve in chart.curves}) == 28
    # Neighbours differ by their marks too, not by colour alone.
    shapes = [mark(curve.number, 0, 0) for curve in chart.curves]
    assert all(one != other for one, other in pairwise(shapes))


def test_without_experiments_there_is_no_chart(tmp_path: Path) -> None:
    assert recall_charts(read_results(tmp_path, [], ["city"])) == ()
