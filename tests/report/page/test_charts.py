from __future__ import annotations

from itertools import pairwise

from pipeline.report.page.charts import HEIGHT, WIDTH, bar_x, chart_x, chart_y, look, mark


def test_higher_recall_lies_higher_or_farther_in_the_drawing() -> None:
    assert 0 < chart_y(100) < chart_y(50.5) < chart_y(50) < chart_y(0) < HEIGHT
    assert 0 < bar_x(0) < bar_x(50) < bar_x(50.5) < bar_x(100)


def test_many_experiments_stand_side_by_side_in_their_column() -> None:
    width = chart_x(1, 4) - chart_x(0, 4)
    for many in (1, 2, 28):
        for column in range(4):
            row = [chart_x(column, 4, number, many) for number in range(many)]
            assert row == sorted(set(row))
            assert all(abs(x - chart_x(column, 4)) < width / 2 and 0 < x < WIDTH for x in row)


def test_many_experiments_differ_in_look_and_mark() -> None:
    assert len({look(number) for number in range(28)}) == 28
    # Neighbours differ by their marks too, not by colour alone.
    assert all(one != other for one, other in pairwise(mark(number, 0, 0) for number in range(28)))
