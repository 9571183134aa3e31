"""Does the confidence mean what it says? Plain functions over pairs of a confidence and a truth.

``pairs`` are ``(confidence, right)`` of the legal answers, confidence from 0 to 1.
"""

from __future__ import annotations

import random
from collections.abc import Callable, Sequence
from typing import Any

Pairs = Sequence[tuple[float, bool]]
BINS = 10
BOOTSTRAPS = 1000
WANTED_ACCURACY = 0.95


def confidence_scores(pairs: Pairs) -> dict[str, Any]:
    """Everything that the report says of a column's confidence; ``{"n": 0}`` without answers."""
    if not pairs:
        return {"n": 0}
    return {
        "n": len(pairs),
        "accuracy": sum(right for _, right in pairs) / len(pairs),
        "mean_confidence": sum(confidence for confidence, _ in pairs) / len(pairs),
        "ece": _with_interval(calibration_error, pairs),
        "brier": _with_interval(brier, pairs),
        "auroc": auroc(pairs),
        "coverage_at_95": coverage_at(pairs, WANTED_ACCURACY),
        "reliability": reliability(pairs),
        "risk_coverage": risk_coverage(pairs),
    }


def reliability(pairs: Pairs) -> list[dict[str, float]]:
    """Bins of equal width that hold answers: mean confidence, accuracy, n."""
    bins: list[list[tuple[float, bool]]] = [[] for _ in range(BINS)]
    for confidence, right in pairs:
        bins[min(int(confidence * BINS), BINS - 1)].append((confidence, right))
    return [
        {
            "confidence": sum(confidence for confidence, _ in found) / len(found),
            "accuracy": sum(right for _, right in found) / len(found),
            "n": len(found),
        }
        for found in bins
        if found
    ]


def calibration_error(pairs: Pairs) -> float:
    """Expected calibration error: mean distance of confidence and accuracy over the bins, weighted
    by their answers (Guo et al., "On calibration of modern neural networks", 2017)."""
    return sum(
        found["n"] * abs(found["confidence"] - found["accuracy"]) for found in reliability(pairs)
    ) / len(pairs)


def brier(pairs: Pairs) -> float:
    """Mean squared distance of confidence and truth (G. W. Brier, 1950); lower is better."""
    return sum((confidence - right) ** 2 for confidence, right in pairs) / len(pairs)


def auroc(pairs: Pairs) -> float | None:
    """Chance that a right answer has a higher confidence than a wrong one, ties by half; None
    where all answers are right or all are wrong."""
    right = [confidence for confidence, truth in pairs if truth]
    wrong = [confidence for confidence, truth in pairs if not truth]
    if not right or not wrong:
        return None
    wins = sum((a > b) + (a == b) / 2 for a in right for b in wrong)
    return wins / (len(right) * len(wrong))


def risk_coverage(pairs: Pairs) -> list[dict[str, float]]:
    """For each confidence as a threshold, the highest first: share of requests answered, and the
    share of wrong ones among them."""
    ordered = sorted(pairs, key=lambda pair: -pair[0])
    points, wrong = [], 0
    for count, (confidence, right) in enumerate(ordered, 1):
        wrong += not right
        if count == len(ordered) or ordered[count][0] < confidence:  # ties stand or fall together
            points.append(
                {
                    "threshold": confidence,
                    "coverage": count / len(ordered),
                    "risk": wrong / count,
                }
            )
    return points


def coverage_at(pairs: Pairs, accuracy: float) -> float:
    """The largest share of requests that a threshold answers with at least this accuracy."""
    kept = [point["coverage"] for point in risk_coverage(pairs) if 1 - point["risk"] >= accuracy]
    return max(kept, default=0.0)


def _with_interval(score: Callable[[Pairs], float], pairs: Pairs) -> dict[str, float]:
    """The score with its 95 % percentile bootstrap interval."""
    rng = random.Random(0)
    drawn = sorted(score(rng.choices(pairs, k=len(pairs))) for _ in range(BOOTSTRAPS))
    edge = round(BOOTSTRAPS * 0.025)
    return {"value": score(pairs), "low": drawn[edge], "high": drawn[-edge - 1]}
