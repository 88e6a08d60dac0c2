import torch

from unit.training.curve import Curve


def grown(*losses: float, curve: Curve | None = None) -> Curve:
    curve = curve or Curve()
    for loss in losses:
        curve.add({"total": torch.tensor(loss)})
    return curve


def test_a_row_is_of_the_iterations_since_the_row_before() -> None:
    curve = grown(1.0, 2.0)
    curve.close_row(2, recovery_error=0.5)
    grown(4.0, 6.0, 8.0, curve=curve).close_row(5, recovery_error=0.25)
    assert curve.rows == {
        2: {"total": 1.5, "recovery_error": 0.5},
        5: {"total": 6.0, "recovery_error": 0.25},
    }


def test_a_curve_goes_on_within_a_row() -> None:
    again = Curve()
    again.load_state(grown(1.0, 2.0).state())
    grown(6.0, curve=again).close_row(3)
    assert again.rows == {3: {"total": 3.0}}
