"""Clarifications: few messages, always worded alike, because a small model has to learn them."""

from __future__ import annotations

import statistics

from clitron_dagster import answer
from clitron_dagster.schema import Unit

MAX_SUGGESTIONS = 3


def reply(message: str, units: list[Unit]) -> answer.Answer:
    return answer.clarification(
        message, [answer.suggestion(unit, unit.key) for unit in units[:MAX_SUGGESTIONS]]
    )


def did_you_mean(units: list[Unit]) -> str:
    names = [unit.key for unit in units[:MAX_SUGGESTIONS]]
    return (
        f"Did you mean {', '.join(names[:-1])} or {names[-1]}?"
        if len(names) > 1
        else f"Did you mean {names[0]}?"
    )


def richness(unit: Unit) -> int:
    """How much the author wrote about a unit: what people need daily is described best."""
    return len(unit.node.natural_language) + 2 * len(unit.node.examples)


def common_units(units: list[Unit] | tuple[Unit, ...]) -> list[Unit]:
    """Well described units first, else in the order of the file (authors begin with the usual)."""
    middle = statistics.median(richness(unit) for unit in units) if units else 0
    return sorted(units, key=lambda unit: richness(unit) < middle)
