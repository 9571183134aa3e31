"""Fit the structure prior (``inference/structure_prior.py``) on the train split: seconds, on a CPU."""

from __future__ import annotations

import json
import math
import warnings
from collections import Counter, defaultdict
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from clitron_dagster.inference.structure_prior import (
    Ngrams,
    OptionPrior,
    StructurePrior,
    label_of,
    ngrams,
)
from clitron_dagster.schema import Schema, Unit

# scikit-learn's C. Little regularization: an n-gram's weight is small to begin with, as each request's
# features have length 1 (measured on development rows, docs/decisions.md).
UNIT_C, OPTION_C = 20.0, 50.0
ITERATIONS = 80  # more change nothing on development rows, and cost a quarter of a second each
FEWEST = 8  # requests of a unit, below which its options are judged by how frequent they are


def fit(schema: Schema, rows: Sequence[Mapping[str, Any]]) -> StructurePrior | None:
    """Fit on rows ``{"instruction", "output"}``; None where they have but one command.

    N-grams that only one request has are left out.
    """
    answers = [json.loads(row["output"]) for row in rows]
    labels = [label_of(answer) for answer in answers]
    if len(set(labels)) < 2:
        return None
    known = _ngrams([row["instruction"] for row in rows])
    features = [known.features(row["instruction"]) for row in rows]
    by_unit: dict[str, list[int]] = defaultdict(list)
    for number, label in enumerate(labels):
        by_unit[label].append(number)
    options = {
        unit.key: _options(
            unit,
            [features[number] for number in by_unit[unit.key]],
            [{*answers[n]["args"], *answers[n]["flags"]} for n in by_unit[unit.key]],
        )
        for unit in schema.units
        if unit.args or unit.flags
    }
    return StructurePrior(known, *_units(features, labels, len(known.buckets)), options)


def _ngrams(requests: Sequence[str]) -> Ngrams:
    seen: Counter[int] = Counter()
    for request in requests:
        chars, words = ngrams(request)
        seen.update({*chars, *words})
    kept = sorted(gram for gram, count in seen.items() if count > 1) or sorted(seen)
    often = np.array([seen[gram] for gram in kept], np.float32)
    idf = np.log((1 + len(requests)) / (1 + often)) + 1
    return Ngrams(np.array(kept, np.int32), idf.astype(np.float32))


def _units(features: Sequence[Any], labels: Sequence[str], width: int) -> tuple[Any, Any, Any]:
    """Labels, weights and bias of a multinomial logistic regression."""
    from sklearn.exceptions import ConvergenceWarning  # type: ignore[import-untyped]
    from sklearn.linear_model import LogisticRegression  # type: ignore[import-untyped]

    names = tuple(sorted(set(labels)))
    model = LogisticRegression(C=UNIT_C, max_iter=ITERATIONS)
    with warnings.catch_warnings(action="ignore", category=ConvergenceWarning):
        model.fit(_matrix(features, width), list(labels))
    weights, bias = model.coef_, model.intercept_
    if len(names) == 2:  # one row of weights, for the second label
        weights, bias = np.vstack([-weights, weights]) / 2, np.concatenate([-bias, bias]) / 2
    return names, weights.T.astype(np.float16), bias.astype(np.float32)


def _options(unit: Unit, features: Sequence[Any], chosen: Sequence[set[str]]) -> OptionPrior:
    """A logistic regression for each option that some of the unit's requests want and some do not;
    for the others their share, with half a request added to either side."""
    from sklearn.linear_model import LogisticRegression

    names = tuple(option.name for option in (*unit.args, *unit.flags))
    count = len(features)
    shares = [(sum(name in one for one in chosen) + 0.5) / (count + 1) for name in names]
    bias = np.array([math.log(share / (1 - share)) for share in shares], np.float32)
    if count < FEWEST:
        return OptionPrior(
            names, np.zeros(0, np.int32), np.zeros((0, len(names)), np.float16), bias
        )
    places = np.unique(np.concatenate([places for places, _ in features])).astype(np.int32)
    local = [(np.searchsorted(places, where), values) for where, values in features]
    matrix = _matrix(local, len(places))
    weights = np.zeros((len(places), len(names)), np.float16)
    for column, name in enumerate(names):
        wanted = [name in one for one in chosen]
        if len(set(wanted)) > 1:
            model = LogisticRegression(C=OPTION_C, solver="liblinear").fit(matrix, wanted)
            weights[:, column] = model.coef_[0]
            bias[column] = model.intercept_[0]
    return OptionPrior(names, places, weights, bias)


def _matrix(features: Sequence[Any], width: int) -> Any:
    """Sparse, (requests, ``width``); with 32-bit indices, as liblinear wants them."""
    from scipy.sparse import csr_matrix  # type: ignore[import-untyped]

    ends = np.cumsum([0, *(len(places) for places, _ in features)])
    values = np.concatenate([values for _, values in features])
    places = np.concatenate([places for places, _ in features])
    parts = (values, places.astype(np.int32), ends.astype(np.int32))
    return csr_matrix(parts, shape=(len(features), width))
