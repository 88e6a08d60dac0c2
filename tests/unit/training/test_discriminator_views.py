import itertools

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from unit.training.discriminator_views import DRAWN, LOOKS, Views, changed

# Colours as strong as they are, no shift, a cover that is centred on the upper left corner.
UNCHANGED = [0.5, 0.5, 0.5, 0.0, 0.0]


def pictures(count: int = 1, height: int = 16, width: int = 24) -> torch.Tensor:
    generator = torch.Generator().manual_seed(count)
    return torch.rand(count, 3, height, width, generator=generator) * 2 - 1


def drawn(**changes: float) -> torch.Tensor:
    names = ("colour", "down", "right", "cover_down", "cover_right")
    return torch.tensor([[changes.get(name, value) for name, value in zip(names, UNCHANGED, strict=True)]])


def test_only_the_covered_quarter_of_a_rectangle_is_grey() -> None:
    x = pictures()
    view = changed(x, drawn())
    assert not view[:, :, :4, :6].any()
    x[:, :, :4, :6] = 0
    torch.testing.assert_close(view, x)


def test_a_cover_in_the_middle_is_half_the_sides() -> None:
    view = changed(torch.ones(1, 3, 16, 24), drawn(cover_down=0.5, cover_right=0.5))
    assert not view[:, :, 4:12, 6:18].any()
    assert view.sum() == 3 * (16 * 24 - 8 * 12)


@pytest.mark.parametrize(("colour", "strength"), [(0.0, 0.0), (0.5, 1.0), (1.0, 2.0)])
def test_colours_get_stronger_or_weaker_and_brightness_stays(colour: float, strength: float) -> None:
    x = pictures()
    view = changed(x, drawn(colour=colour))[:, :, 4:]
    grey = x.mean(1, keepdim=True)[:, :, 4:]
    torch.testing.assert_close(view.mean(1, keepdim=True), grey)
    torch.testing.assert_close(view - grey, strength * (x[:, :, 4:] - grey))


@pytest.mark.parametrize(
    ("down", "right", "by"), [(0.0, 0.5, (2, 0)), (1.0, 1.0, (-2, -3)), (0.5, 0.0, (0, 3))]
)
def test_a_shift_is_an_eighth_of_the_sides_at_most(down: float, right: float, by: tuple[int, int]) -> None:
    x = pictures()
    view = changed(x, drawn(down=down, right=right))
    moved = torch.roll(x, by, (2, 3))
    inside = (slice(None), slice(None), slice(4, 14), slice(6, 21))
    torch.testing.assert_close(view[inside], moved[inside])
    if by[0] < 0:
        assert not view[:, :, -2:].any()


@given(numbers=st.lists(st.floats(0, 1), min_size=2 * DRAWN, max_size=2 * DRAWN))
def test_each_picture_is_seen_as_alone_and_gradients_come_through(numbers: list[float]) -> None:
    x = pictures(2).requires_grad_()
    both = torch.tensor(numbers).reshape(2, DRAWN)
    view = changed(x, both)
    assert view.shape == x.shape
    for index in range(2):
        assert torch.equal(view[index : index + 1], changed(x[index : index + 1], both[index : index + 1]))
    (gradient,) = torch.autograd.grad(view.sum(), x)
    assert gradient.any()


def test_each_look_has_numbers_of_its_own() -> None:
    x = pictures()
    views = Views(torch.rand(1, LOOKS, DRAWN, generator=torch.Generator().manual_seed(3)))
    seen = [views(look, x) for look in range(LOOKS)]
    assert all(not torch.equal(one, other) for one, other in itertools.pairwise(seen))
    assert Views(None)(0, x) is x
