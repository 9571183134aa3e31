"""What is asked for: units × styles × personas × context states × options, a few rows a request.

Everything follows from (schema, settings, seed); nothing here touches the network. An :class:`Ask`
is named by what decides its answer, and by nothing else: the unit's own hash, its number within the
unit, the shape of the prompt. An edit of one unit therefore renames that unit's asks alone, and all
other answers that were paid for still fit.
"""

from __future__ import annotations

import json
import math
from collections import defaultdict
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cached_property
from typing import Any

from clitron_dagster.generate import buckets, negatives
from clitron_dagster.generate import context as surroundings
from clitron_dagster.generate.api.voices import PERSONAS, PROMPT_VERSION, STYLES
from clitron_dagster.generate.config import RawExamplesConfig
from clitron_dagster.generate.missing_arg import generate_missing_arg
from clitron_dagster.generate.rows import Row, stream
from clitron_dagster.generate.words import options_of
from clitron_dagster.schema import Schema, Unit, digest

STEP = 4  # sizes of requests are multiples, so that a small shift of quotas renames few of them
SURPLUS = 1.1  # asked for in the first round, as some rows are always thrown away
TARGETS_PER_ASK = 3  # different questions back in one request for negatives
_SAMPLES = 60  # offline rows from which a negative case's questions are taken


@dataclass(frozen=True)
class Cell:
    """One row that is asked for."""

    style: str
    persona: str
    state: str  # none | present | needed
    context: dict[str, Any] | None
    options: tuple[str, ...] = ()  # of the unit, to be used
    case: str = ""  # of a clarification
    unit: str = ""
    output: str = ""  # the clarification that answers it, as canonical JSON


@dataclass(frozen=True)
class Ask:
    """One request to a model: ``len(cells)`` rows for one unit, or for negative cases (unit "")."""

    unit: str
    index: int
    identity: str  # hash of what the answer depends on, apart from index and size
    cells: tuple[Cell, ...]

    @cached_property
    def name(self) -> str:
        return digest([PROMPT_VERSION, self.identity, self.unit, self.index, len(self.cells)])


class Coverage:
    """The plan for one CLI."""

    def __init__(self, schema: Schema, config: RawExamplesConfig, rows: int, per_request: int):
        self.schema, self.seed, self.per_request = schema, config.seed, per_request
        self.config = config.model_copy(update={"num_examples": rows, "source": {"offline": 1.0}})
        self._hashes = schema.unit_hashes()
        self._head = [schema.cli_name, schema.description, list(schema.context), config.seed]
        positive = config.share_with_context + config.share_without_context
        self._with_context = config.share_with_context / positive if positive else 0.0
        if not schema.context:
            self._with_context = 0.0

    @cached_property
    def quotas(self) -> dict[str, int]:
        """Rows wanted of each unit, and under "" of all negative cases together."""
        negative = round(self.config.num_examples * self.config.share_negative)
        weights = {unit.key: buckets.unit_weight(unit) for unit in self.schema.units}
        wanted = self.config.num_examples - negative
        return buckets.apportion(weights, wanted, self.config.min_per_unit) | {"": negative}

    def first(self) -> list[Ask]:
        """Everything, with a surplus for what will be thrown away."""
        asks = [
            ask
            for unit in self.schema.units
            for ask in self.for_unit(unit, math.ceil(self.quotas[unit.key] * SURPLUS))
        ]
        return [*asks, *self._negatives()]

    def for_unit(self, unit: Unit, rows: int, start: int = 0) -> list[Ask]:
        """Requests for at least ``rows`` commands of a unit, numbered from ``start``."""
        identity = digest([self._head, self._hashes[unit.key]])
        asks: list[Ask] = []
        while rows > 0:
            size = min(self.per_request, STEP * math.ceil(rows / STEP))
            cells = tuple(self._cell(unit, start + len(asks), row) for row in range(size))
            asks.append(Ask(unit.key, start + len(asks), identity, cells))
            rows -= size
        return asks

    # -- commands ---------------------------------------------------------------------------------

    def _cell(self, unit: Unit, index: int, row: int) -> Cell:
        at = index * self.per_request + row
        rng = stream(self.seed, unit.key, "coverage", at)
        style, persona = _voice(self.seed, unit.key, at)
        state = "none"
        if int((at + 1) * self._with_context) > int(at * self._with_context):
            pointable = surroundings.references(self.schema, unit)
            state = "needed" if pointable and at % 3 == 0 else "present"
        facts: dict[str, Any] = {}
        if state != "none":
            needed = set()
            if state == "needed":
                bound = surroundings.references(self.schema, unit)
                chosen = sorted(bound)[at % len(bound)]
                needed = surroundings.keys_of({chosen: bound[chosen]})
            facts = surroundings.sample_facts(self.schema, rng, needed, set())
        options = _options(unit, at)
        return Cell(style, persona, state, surroundings.nest(facts), options)

    # -- clarifications ---------------------------------------------------------------------------

    def _negatives(self) -> list[Ask]:
        total = math.ceil(self.quotas[""] * SURPLUS)
        if total == 0:
            return []
        missing = list(self._missing(total))
        cases = list(self._cases(total))
        return [*missing, *cases]

    def _missing(self, total: int) -> Iterator[Ask]:
        """Requests that leave a value out, together for the units of one command."""
        wanted = round(total * buckets.CASE_WEIGHTS["missing_arg"] / 100)
        by_unit = {
            unit.key: rows
            for unit in self.schema.units
            if (rows := generate_missing_arg(self.schema, unit, STEP, self.seed, self.config))
        }
        counts = buckets.apportion(dict.fromkeys(by_unit, 1.0), wanted, 0)
        by_command: dict[str, list[Row]] = defaultdict(list)
        for unit in self.schema.units:
            rows = by_unit.get(unit.key, [])
            by_command[unit.command] += [
                rows[i % len(rows)] for i in range(counts.get(unit.key, 0))
            ]
        for command, rows in by_command.items():
            for index, begin in enumerate(range(0, len(rows), self.per_request)):
                yield self._asking(
                    f"missing_arg {command}", index, rows[begin:][: self.per_request]
                )

    def _cases(self, total: int) -> Iterator[Ask]:
        """The five other cases, each with a few of the questions that this CLI has for it.

        Which questions a request is about is decided by their hashes, so that one question more or
        fewer moves only the requests that it takes part in.
        """
        for case in negatives.CASES:
            rows = negatives.generate_case(self.schema, case, _SAMPLES, self.seed, self.config)
            if not rows:
                continue
            by_output: dict[str, list[Row]] = defaultdict(list)
            for row in rows:
                by_output[row["output"]].append(row)
            wanted = round(total * buckets.CASE_WEIGHTS[case] / 100)
            for index in range(math.ceil(wanted / self.per_request)):
                size = min(self.per_request, STEP * math.ceil(wanted / STEP))
                ranks = {output: digest([self.seed, index, output]) for output in by_output}
                near = sorted(ranks, key=ranks.__getitem__)[:TARGETS_PER_ASK]
                chosen = [by_output[near[at % len(near)]] for at in range(size)]
                picked = [group[at % len(group)] for at, group in enumerate(chosen)]
                yield self._asking(case, index, picked)

    def _asking(self, name: str, index: int, rows: list[Row]) -> Ask:
        cells = []
        for at, row in enumerate(rows):
            style, persona = _voice(self.seed, name, index * self.per_request + at)
            state = "none" if row["context"] is None else "present"
            case = row["kind"].partition(":")[2]
            cells.append(
                Cell(style, persona, state, row["context"], (), case, row["unit"], row["output"])
            )
        identity = digest([self._head, name, [(c.unit, c.output) for c in cells]])
        return Ask("", index, identity, tuple(cells))


def _voice(seed: int, name: str, at: int) -> tuple[str, str]:
    """Style and persona of row ``at``: every pair once before any comes again."""
    rng = stream(seed, name, "voices")
    styles, personas = list(STYLES), list(PERSONAS)
    rng.shuffle(styles)
    rng.shuffle(personas)
    return styles[at % len(styles)], personas[at % len(personas)]


def _options(unit: Unit, at: int) -> tuple[str, ...]:
    """Which optional options row ``at`` is to use: none, one, one, two, in turn over all of them."""
    free = [option for option in options_of(unit) if not getattr(option, "required", False)]
    count = (0, 1, 1, 2)[at % 4]
    if not free or not count:
        return ()
    first = free[(at - at // 4) % len(free)]
    names = [first.name, *first.requires]
    if count == 2:
        other = free[(at * 7 + 3) % len(free)]
        clash = {*other.conflicts, *(n for o in free if o.name in names for n in o.conflicts)}
        if other.name not in names and not clash & {*names, other.name, *other.requires}:
            names += [other.name, *(n for n in other.requires if n not in names)]
    return tuple(names)


def rows_of(asks: list[Ask]) -> int:
    return sum(len(ask.cells) for ask in asks)


def message_of(cell: Cell) -> str:
    """The question that answers a negative cell."""
    return str(json.loads(cell.output)["message"])
