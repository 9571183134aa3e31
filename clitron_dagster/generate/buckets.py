"""How many rows of what: the buckets that are made, stored and resumed together."""

from __future__ import annotations

import math
import re
from collections.abc import Callable
from dataclasses import dataclass

from clitron_dagster.generate import missing_arg, negatives
from clitron_dagster.generate.config import RawExamplesConfig
from clitron_dagster.generate.replies import richness
from clitron_dagster.generate.rows import Row
from clitron_dagster.generate.unit import generate_unit
from clitron_dagster.generate.words import options_of
from clitron_dagster.schema import Schema, Unit, digest

# Shares of the negative rows. What a CLI cannot have (no groups, say) goes to the rest.
CASE_WEIGHTS = {
    "missing_arg": 32, "off_topic": 20, "ambiguous_command": 14, "multiple_interpretations": 13,
    "unclear_intent": 12, "ambiguous_typo": 9,
}  # fmt: skip


@dataclass(frozen=True)
class Bucket:
    """Rows that are made, stored and resumed together: a unit's, or a negative case's."""

    name: str
    make: Callable[[int], list[Row]]
    count: int

    @property
    def slug(self) -> str:
        return (
            re.sub(r"[^a-z0-9]+", "-", self.name.lower()).strip("-") + f"-{digest(self.name)[:6]}"
        )


def plan(schema: Schema, config: RawExamplesConfig) -> list[Bucket]:
    """The buckets and their sizes. A unit's size hangs on its own wealth of phrases, in steps, so
    that a small edit elsewhere does not move it."""
    wanted_negative = round(config.num_examples * config.share_negative)
    weights = {unit.key: unit_weight(unit) for unit in schema.units}
    counts = apportion(weights, config.num_examples - wanted_negative, config.min_per_unit)
    buckets = [_unit_bucket(schema, unit, counts[unit.key], config) for unit in schema.units]
    return buckets + _negative_buckets(schema, wanted_negative, weights, config)


def unit_weight(unit: Unit) -> float:
    """1 to 5: the root of how much is written about the unit, in steps of a half."""
    told = sum(bool(option.natural_language) for option in options_of(unit))
    steps = round(2 * math.sqrt(richness(unit) + 0.5 * told))
    return min(5.0, max(1.0, steps / 2))


def apportion(weights: dict[str, float], total: int, floor: int) -> dict[str, int]:
    """Whole numbers in proportion to ``weights`` that add up to ``total``; at least ``floor`` each
    where there is enough for all."""
    if not weights:
        return {}
    floor = min(floor, total // len(weights))
    spare = total - floor * len(weights)
    whole = sum(weights.values())
    exact = {name: spare * weight / whole for name, weight in weights.items()}
    counts = {name: int(share) for name, share in exact.items()}
    by_rest = sorted(exact, key=lambda name: (counts[name] - exact[name], name))
    for name in by_rest[: spare - sum(counts.values())]:
        counts[name] += 1
    return {name: count + floor for name, count in counts.items()}


def _unit_bucket(schema: Schema, unit: Unit, count: int, config: RawExamplesConfig) -> Bucket:
    return Bucket(unit.key, lambda n: generate_unit(schema, unit, n, config.seed, config), count)


def _negative_buckets(
    schema: Schema, total: int, weights: dict[str, float], config: RawExamplesConfig
) -> list[Bucket]:
    """Negative cases that this CLI has. One that turns out poor hands its rest to the next ones."""
    askable = {
        unit.key: weights[unit.key] * (1 if missing_arg.has_target(schema, unit) else 0.25)
        for unit in schema.units
        if missing_arg.generate_missing_arg(schema, unit, 1, config.seed, config)
    }
    shares = {
        case: float(weight)
        for case, weight in CASE_WEIGHTS.items()
        if (askable if case == "missing_arg" else _room(schema, case, total, config))
    }
    counts = _capped(schema, apportion(shares, total, 0), config)
    buckets = []
    for key, count in apportion(askable, counts.pop("missing_arg", 0), 1).items():
        unit = next(unit for unit in schema.units if unit.key == key)
        buckets.append(_missing_bucket(schema, unit, count, config))
    return buckets + [_case_bucket(schema, case, n, config) for case, n in counts.items()]


def _room(schema: Schema, case: str, total: int, config: RawExamplesConfig) -> bool:
    return bool(negatives.generate_case(schema, case, 1, config.seed, config))


def _capped(schema: Schema, counts: dict[str, int], config: RawExamplesConfig) -> dict[str, int]:
    """Move what a case cannot give to off_topic, whose pool is the largest."""
    given = dict(counts)
    for case, count in counts.items():
        if case in ("missing_arg", "off_topic"):
            continue
        have = len(negatives.generate_case(schema, case, count, config.seed, config))
        given[case] = have
        given["off_topic"] = given.get("off_topic", 0) + count - have
    return given


def _missing_bucket(schema: Schema, unit: Unit, count: int, config: RawExamplesConfig) -> Bucket:
    def make(n: int) -> list[Row]:
        return missing_arg.generate_missing_arg(schema, unit, n, config.seed, config)

    return Bucket(f"missing_arg {unit.key}", make, count)


def _case_bucket(schema: Schema, case: str, count: int, config: RawExamplesConfig) -> Bucket:
    def make(n: int) -> list[Row]:
        return negatives.generate_case(schema, case, n, config.seed, config)

    return Bucket(f"negatives {case}", make, count)
