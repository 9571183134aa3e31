"""From what a model's probabilities say of an answer to how often such answers are right.

The probability of a whole answer is a poor confidence: long answers get little however sure the model
is, and fine-tuned models are too sure. So a logistic regression over four signals is fitted on rows
that are neither trained nor tested on, on the quantized file itself (Platt scaling, J. Platt,
"Probabilistic outputs for support vector machines", 1999, with more than one signal). It is a line of
text in the GGUF's metadata, so that file and calibration cannot part.

Where so little is to be expected of a command that asking back is the better bet, a question takes its
place: below the confidence at which, on the same rows, more requests wanted a question than had the
right command.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass, replace

from clitron_dagster.decide import SUGGEST

KEY = "clitron.calibration"
MIN_ROWS = 40  # fewer say too little
_LOWEST_LOG_P, _LOWEST_TOKEN = -20.0, -8.0
_REGULARIZATION = 1.0  # scikit-learn's C
Features = tuple[float, float, float, float]


@dataclass(frozen=True)
class Signals:
    """What decoding says of one answer.

    ``log_p``: natural logarithm of the probability of the tokens that carry a decision, over the
    whole vocabulary; ``weakest``: that of the least likely among them; ``asks``: it asks back;
    ``prior``: logarithm of the structure's probability by the request's words alone
    (``inference/structure_prior.py``; 0 where there is none).
    """

    log_p: float
    weakest: float
    asks: bool
    prior: float = 0.0

    @property
    def probability(self) -> float:
        """The confidence of a model that was not calibrated."""
        return math.exp(self.log_p)

    def features(self) -> Features:
        """Of like size, so that one regularization suits all."""
        log_p, weakest = max(self.log_p, _LOWEST_LOG_P), max(self.weakest, _LOWEST_TOKEN)
        return log_p / 4, weakest / 2, float(self.asks), max(self.prior, _LOWEST_TOKEN) / 2


@dataclass(frozen=True)
class Calibration:
    """A fitted logistic regression; ``rows`` is how many it was fitted on.

    A command with a confidence under ``ask_below`` gives way to a question, which was right for the
    share ``ask_right`` of such rows.
    """

    bias: float
    weights: Features
    rows: int
    ask_below: float = 0.0
    ask_right: float = 0.0

    def confidence(self, signals: Signals) -> float:
        """How often answers with such signals were right, 0 to 1."""
        terms = zip(self.weights, signals.features(), strict=True)
        score = self.bias + sum(weight * feature for weight, feature in terms)
        return 1 / (1 + math.exp(-max(-30.0, min(30.0, score))))

    def to_text(self) -> str:
        """At most 127 bytes, as much as llama.cpp takes of a metadata text."""
        numbers = (self.bias, *self.weights, self.ask_below, self.ask_right)
        return " ".join(f"{number:.4f}" for number in numbers) + f" {self.rows}"


def parse(text: str | None) -> Calibration | None:
    """What :meth:`Calibration.to_text` wrote; None for anything else."""
    words = (text or "").split()
    try:
        bias, *weights, ask_below, ask_right = map(float, words[:-1])
        rows = int(words[-1])
    except (ValueError, IndexError):
        return None
    if len(weights) != 4 or not all(map(math.isfinite, (bias, *weights, ask_below, ask_right))):
        return None
    four = (weights[0], weights[1], weights[2], weights[3])
    return Calibration(bias, four, rows, ask_below, ask_right)


def fit(
    signals: Sequence[Signals], right: Sequence[bool], due: Sequence[bool] = ()
) -> Calibration | None:
    """Fit on rows whose answers were judged; None where there are too few, or all are alike.

    ``due``: whether a question was the right answer.
    """
    if len(right) < MIN_ROWS or len(set(right)) < 2:
        return None
    from sklearn.linear_model import LogisticRegression  # type: ignore[import-untyped]

    model = LogisticRegression(C=_REGULARIZATION)
    model.fit([one.features() for one in signals], list(right))
    log_p, weakest, asks, prior = (float(weight) for weight in model.coef_[0])
    weights = (log_p, weakest, asks, prior)
    fitted = Calibration(float(model.intercept_[0]), weights, len(right))
    acted = [
        (fitted.confidence(one), was_right, asks_due)
        for one, was_right, asks_due in zip(signals, right, due, strict=bool(due))
        if not one.asks
    ]
    ask_below, ask_right = abstention(acted)
    return replace(fitted, ask_below=ask_below, ask_right=ask_right)


def abstention(acted: Sequence[tuple[float, bool, bool]]) -> tuple[float, float]:
    """The confidence under which a question is the better bet, and how often it is right there.

    Args:
        acted: of each answer that is a command: confidence, whether it was right, whether a question
            was due.
    """
    best, chosen = 0, (0.0, 0.0)
    gain = asked = 0
    for confidence, right, due in sorted(acted):
        if confidence >= SUGGEST:  # from here on a command is worth showing
            break
        asked += due
        gain += due - right
        if gain > best:
            count = sum(one[0] <= confidence for one in acted)
            best, chosen = gain, (confidence + 1e-4, (asked + 0.5) / (count + 1))
    return chosen
