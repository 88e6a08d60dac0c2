"""The printed numbers, against the sums and the single cells that the paper's text speaks of."""

from __future__ import annotations

from pipeline.report.tables.paper import PaperRow, paper_test_sets, read_paper


def rows() -> dict[str, PaperRow]:
    return {row.key: row for table in read_paper() for row in table.rows}


def test_five_tables_with_their_rows() -> None:
    assert [(table.number, len(table.rows)) for table in read_paper()] == [
        ("I", 4),
        ("II", 6),
        ("III", 12),
        ("IV", 6),
        ("V", 6),
    ]
    assert paper_test_sets() == ("pitts30k", "sf_xs", "tokyo_xs", "tokyo_night")
    assert all(tuple(row.recalls) == paper_test_sets() for row in rows().values())


def test_known_cells() -> None:
    assert rows()["II/dn/netvlad"].recalls["tokyo_night"] == (39.0, 58.1)
    assert rows()["II/day/netvlad"].recalls["pitts30k"] == (84.4, 92.3)
    assert rows()["I/augmented/gem"].recalls["sf_xs"] == (4.2, 11.4)
    assert rows()["III/perspective_fill/gem"].recalls["tokyo_xs"] == (12.1, 24.4)
    assert rows()["V/concatenation/netvlad"].recalls["sf_xs"] == (37.0, 51.5)


def test_baselines_repeat_where_the_paper_repeats_them() -> None:
    for aggregation in ("gem", "netvlad"):
        first = rows()[f"I/baseline/{aggregation}"].recalls
        assert first == rows()[f"III/baseline/{aggregation}"].recalls
        assert first == rows()[f"IV/baseline/{aggregation}"].recalls
    assert rows()["I/baseline/gem"].recalls == rows()["II/day/gem"].recalls


def test_r5_is_never_below_r1_and_both_are_per_cent() -> None:
    for row in rows().values():
        for first, fifth in row.recalls.values():
            assert 0 < first <= fifth <= 100


def test_tokyo_night_cells_are_counts_of_105_queries() -> None:
    # A slip of the pen in copying would rarely be a share of 105 queries, rounded to a tenth.
    shares = {round(100 * hits / 105, 1) for hits in range(106)}
    for row in rows().values():
        assert set(row.recalls["tokyo_night"]) <= shares, row.key


def test_tokyo_cells_are_counts_of_315_queries() -> None:
    # Rounded to a tenth or, in one cell of the paper, cut off.
    exact = [100 * hits / 315 for hits in range(316)]
    shares = {round(share, 1) for share in exact} | {int(10 * share) / 10 for share in exact}
    for row in rows().values():
        assert set(row.recalls["tokyo_xs"]) <= shares, row.key
