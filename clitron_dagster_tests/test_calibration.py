"""The fitted confidence: it orders by the signals, survives its text form, and knows its limits."""

import math
import random

import pytest

from clitron_dagster.calibration import MIN_ROWS, Calibration, Signals, fit, parse


def drawn(count: int, rng: random.Random) -> tuple[list[Signals], list[bool]]:
    """Answers that are right with a known chance, which is not their probability."""
    signals, right = [], []
    for _ in range(count):
        log_p = -rng.expovariate(0.5)
        signals.append(Signals(log_p, log_p * 0.7, False))
        right.append(rng.random() < 1 / (1 + math.exp(-(1.5 + log_p))))
    return signals, right


def test_confidence_is_how_often_such_answers_are_right():
    rng = random.Random(3)
    fitted = fit(*drawn(2000, rng))
    assert fitted is not None
    signals, right = drawn(2000, rng)
    for low, high in ((0, 0.3), (0.3, 0.6), (0.6, 1)):
        found = [
            (fitted.confidence(one), truth)
            for one, truth in zip(signals, right, strict=True)
            if low <= fitted.confidence(one) < high
        ]
        mean = sum(confidence for confidence, _ in found) / len(found)
        assert mean == pytest.approx(sum(truth for _, truth in found) / len(found), abs=0.06)


def test_text_form():
    fitted = fit(*drawn(100, random.Random(5)))
    assert fitted is not None
    text = fitted.to_text()
    assert len(text.encode()) <= 127
    again = parse(text)
    assert again is not None
    assert again.rows == 100
    signals = Signals(-1.0, -0.5, False)
    assert again.confidence(signals) == pytest.approx(fitted.confidence(signals), abs=1e-3)


@pytest.mark.parametrize("text", [None, "", "1 2", "a b c d 5", "nan 1 1 1 50", "1 2 3 4 x"])
def test_other_texts_are_no_calibration(text):
    assert parse(text) is None


def test_too_little_to_fit_on():
    signals, right = drawn(MIN_ROWS - 1, random.Random(1))
    assert fit(signals, right) is None
    signals, _ = drawn(MIN_ROWS, random.Random(1))
    assert fit(signals, [True] * MIN_ROWS) is None


def test_extremes_stay_between_0_and_1():
    steep = Calibration(50.0, (80.0, 80.0, -900.0, 70.0), 99)
    for one in (Signals(0.0, 0.0, True), Signals(-500.0, -90.0, False), Signals(0, 0, False)):
        assert 0 <= steep.confidence(one) <= 1
    assert Signals(math.log(0.25), -1.0, False).probability == pytest.approx(0.25)
