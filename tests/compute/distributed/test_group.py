from __future__ import annotations

from pipeline.compute.distributed.group import Group


def test_shares_are_in_order_and_leave_nothing_out() -> None:
    items = list(range(7))
    shares = [Group(3, rank).share(items) for rank in range(3)]
    assert [item for share in shares for item in share] == items
    assert sorted(map(len, shares)) == [2, 2, 3]
