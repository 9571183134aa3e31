"""The fitted confidence: it orders by the signals, survives its text form, and knows its limits."""

import math
import random

import pytest

from clitron_dagster.calibration import MIN_ROWS, Calibration, Signals, abstention, fit, parse


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


def test_a_question_takes_the_place_where_it_is_the_better_bet():
    sure = [(0.9, True, False)] * 20 + [(0.4, True, False)] * 3
    unsure = [(0.1, False, True)] * 4 + [(0.2, True, False)] + [(0.3, False, True)] * 2
    below, right = abstention([*sure, *unsure])
    assert 0.3 < below < 0.4
    assert right == pytest.approx(6.5 / 8)


def test_no_question_where_commands_are_right_as_often():
    assert abstention([(0.1, True, False), (0.2, False, True), (0.9, False, True)]) == (0.0, 0.0)
    assert abstention([]) == (0.0, 0.0)
    assert abstention([(0.7, False, True)] * 9) == (0.0, 0.0)  # sure enough to be shown


def test_the_threshold_survives_the_text_form():
    rng = random.Random(5)
    signals, right = drawn(100, rng)
    fitted = fit(signals, right, [not one for one in right])
    assert fitted is not None
    assert fitted.ask_below > 0
    again = parse(fitted.to_text())
    assert again is not None
    assert again.ask_below == pytest.approx(fitted.ask_below, abs=1e-4)
    assert len(fitted.to_text().encode()) <= 127
