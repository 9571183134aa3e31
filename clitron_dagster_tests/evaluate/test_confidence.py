"""Scores of a confidence, on cases that can be worked out by hand."""

import random

import pytest
from sklearn.metrics import brier_score_loss, roc_auc_score

from clitron_dagster.evaluate.confidence import (
    auroc,
    brier,
    calibration_error,
    confidence_scores,
    coverage_at,
    reliability,
    risk_coverage,
)

PAIRS = [(0.95, True), (0.9, True), (0.8, False), (0.3, True), (0.2, False), (0.2, False)]


def test_reliability_and_its_error():
    bins = reliability(PAIRS)
    assert [found["n"] for found in bins] == [2, 1, 1, 2]
    assert bins[0] == {"confidence": pytest.approx(0.2), "accuracy": 0, "n": 2}
    expected = (2 * 0.2 + 1 * 0.7 + 1 * 0.8 + 2 * 0.075) / 6
    assert calibration_error(PAIRS) == pytest.approx(expected)
    assert calibration_error([(1.0, True), (0.0, False)]) == 0


def test_scores_agree_with_scikit_learn():
    rng = random.Random(1)
    pairs = [(round(rng.random(), 1), rng.random() < 0.5) for _ in range(200)]
    confidences, truths = zip(*pairs, strict=True)
    assert auroc(pairs) == pytest.approx(roc_auc_score(truths, confidences))
    assert brier(pairs) == pytest.approx(brier_score_loss(truths, confidences))


def test_risk_and_coverage():
    points = risk_coverage(PAIRS)
    assert [point["threshold"] for point in points] == [0.95, 0.9, 0.8, 0.3, 0.2]
    assert points[-1] == {"threshold": 0.2, "coverage": 1.0, "risk": 0.5}
    assert coverage_at(PAIRS, 0.95) == pytest.approx(2 / 6)
    assert coverage_at(PAIRS, 0.7) == pytest.approx(4 / 6)
    assert coverage_at([(0.9, False)], 0.95) == 0


def test_all_right_all_wrong_and_none():
    assert auroc([(0.4, True), (0.6, True)]) is None
    assert confidence_scores([]) == {"n": 0}
    found = confidence_scores(PAIRS)
    assert found["ece"]["low"] <= found["ece"]["value"] <= found["ece"]["high"]
    assert found["accuracy"] == 0.5
