"""Stage ``raw_examples``: training requests for a CLI, made from its schema alone.

Reads the schema. Writes ``examples.jsonl`` (docs/architecture.md), ``rejects.jsonl`` (a row and a
``reason``) and ``usage.json``. Each unit's rows are kept in ``work/units/`` as soon as they are made,
so that a restart makes only those that are missing.

    python -m clitron_dagster.generate schemas/git.yaml --num-examples 5000 --out /tmp/git
"""

from __future__ import annotations

import json
import os
import re
import statistics
import time
from collections import Counter
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from clitron_dagster import answer
from clitron_dagster.generate import negatives
from clitron_dagster.generate.config import RawExamplesConfig
from clitron_dagster.generate.unit import Row, generate_unit
from clitron_dagster.schema import Schema, Unit, digest
from clitron_dagster.stage import Job, Metrics

CODE_VERSION = "1"
# Shares of the negative rows. What a CLI cannot have (no groups, nothing required) goes to the rest.
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
        return re.sub(r"[^a-z0-9]+", "-", self.name.lower()).strip("-") + f"-{digest(self.name)[:6]}"


def run(job: Job[RawExamplesConfig]) -> Metrics:
    """Generate ``config.num_examples`` rows (fewer only when the schema cannot give as many)."""
    started = time.monotonic()
    folder = job.work / "units"
    folder.mkdir(parents=True, exist_ok=True)
    buckets = plan(job.schema, job.config)
    rows: list[Row] = []
    reused = 0
    for index, bucket in enumerate(buckets):
        file = folder / f"{bucket.slug}.{bucket.count}.jsonl"
        made = _read(file)
        if made is None:
            made = bucket.make(bucket.count)
            _write(file, made)
        else:
            reused += 1
        rows += made
        job.progress({"unit": bucket.name, "rows": len(made), "done": index + 1, "of": len(buckets)})
        job.log(f"{job.cli} {index + 1}/{len(buckets)} {bucket.name or 'negatives'}: {len(made)} rows")
    kept, rejected = sift(job.schema, rows)
    seconds = time.monotonic() - started
    _write(job.out / "examples.jsonl", kept)
    _write(job.out / "rejects.jsonl", rejected)
    metrics = summary(job.schema, kept, rejected)
    metrics |= {
        "requested": job.config.num_examples,
        "units_resumed": reused,
        "rows_per_second": round(len(rows) / seconds) if seconds else 0,
    }
    usage = {"rows": len(kept), "cost_usd": 0.0, "source": "offline", "units": metrics["by_unit"]}
    (job.out / "usage.json").write_text(json.dumps(usage, indent=1) + "\n")
    return metrics


# -- how many of what -----------------------------------------------------------------------------


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
    written = negatives.richness(unit) + 0.5 * sum(
        1 for option in (*unit.args, *unit.flags) if option.natural_language
    )
    return min(5.0, max(1.0, round(2 * written**0.5) / 2))


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
    return Bucket(
        unit.key, lambda n: generate_unit(schema, unit, n, config.seed, config), count
    )


def _negative_buckets(
    schema: Schema, total: int, weights: dict[str, float], config: RawExamplesConfig
) -> list[Bucket]:
    """Negative cases that this CLI has. One that turns out poor hands its rest to the next ones."""
    askable = {
        unit.key: weights[unit.key]
        for unit in schema.units
        if negatives.generate_missing_arg(schema, unit, 1, config.seed, config)
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


def _capped(
    schema: Schema, counts: dict[str, int], config: RawExamplesConfig
) -> dict[str, int]:
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
        return negatives.generate_missing_arg(schema, unit, n, config.seed, config)

    return Bucket(f"missing_arg {unit.key}", make, count)


def _case_bucket(schema: Schema, case: str, count: int, config: RawExamplesConfig) -> Bucket:
    def make(n: int) -> list[Row]:
        return negatives.generate_case(schema, case, n, config.seed, config)

    return Bucket(f"negatives {case}", make, count)


# -- what is kept ---------------------------------------------------------------------------------


def sift(schema: Schema, rows: Iterable[Row]) -> tuple[list[Row], list[Row]]:
    """Keep legal rows that repeat nothing and contradict nothing; the rest with a ``reason``.

    A clarification whose wording is a command of another row is dropped as well, whatever its
    context, except where the context is what makes the difference ("merge this").
    """
    rows = list(rows)
    commands: dict[str, set[str]] = {}
    for row in rows:
        if row["kind"] == "command":
            commands.setdefault(_plain(row["instruction"]), set()).add(row["unit"])
    answers: dict[str, str] = {}
    kept, rejected = [], []
    for row in rows:
        reason = _fault(schema, row)
        key = digest([" ".join(row["instruction"].lower().split()), row["context"]])
        owners = commands.get(_plain(row["instruction"]), set())
        if not reason and row["kind"] != "command" and owners - _excused(row):
            reason = f"the same words are a command of `{min(owners)}`"
        if not reason and key in answers:
            reason = "duplicate" if answers[key] == row["output"] else "contradicts an earlier row"
        if reason:
            rejected.append({**row, "reason": reason})
        else:
            answers[key] = row["output"]
            kept.append(row)
    return kept, rejected


def _excused(row: Row) -> set[str]:
    return {row["unit"]} if row["kind"] == "clarification:missing_arg" else set()


def _plain(text: str) -> str:
    return " ".join(re.sub(r"[?!.,]", " ", text.lower()).split())


def _fault(schema: Schema, row: Row) -> str:
    if not row["instruction"].strip():
        return "the request is empty"
    faults = answer.problems(schema, json.loads(row["output"]))
    return faults[0] if faults else ""


# -- numbers --------------------------------------------------------------------------------------


def summary(schema: Schema, kept: list[Row], rejected: list[Row]) -> Metrics:
    by_unit = Counter(row["unit"] for row in kept if row["kind"] == "command")
    counts = [by_unit.get(unit.key, 0) for unit in schema.units]
    commands = [row for row in kept if row["kind"] == "command"]
    total = max(len(kept), 1)
    texts = [row["instruction"].lower().split() for row in kept]
    return {
        "rows": len(kept),
        "rejected": dict(Counter(row["reason"] for row in rejected)),
        "by_kind": dict(Counter(row["kind"] for row in kept)),
        "by_unit": dict(by_unit),
        "unit_min": min(counts),
        "unit_median": statistics.median(counts),
        "share_with_context": round(sum(r["context"] is not None for r in commands) / total, 4),
        "share_without_context": round(sum(r["context"] is None for r in commands) / total, 4),
        "share_negative": round(1 - len(commands) / total, 4),
        "distinct_1": _distinct(texts, 1),
        "distinct_2": _distinct(texts, 2),
        "unique_skeletons": round(len({skeleton(row) for row in kept}) / total, 4),
    }


def _distinct(texts: list[list[str]], n: int) -> float:
    grams = [tuple(words[i : i + n]) for words in texts for i in range(len(words) - n + 1)]
    return round(len(set(grams)) / max(len(grams), 1), 4)


def skeleton(row: Row) -> str:
    """The request with the answer's values blanked out: what is left is the wording."""
    text = row["instruction"].lower()
    values = json.loads(row["output"]).get("args", {}).values()
    items = [str(item) for value in values for item in (value if isinstance(value, list) else [value])]
    for item in sorted(items, key=len, reverse=True):
        text = text.replace(item.lower(), "_")
    return " ".join(re.sub(r"[?!.,\"']", " ", text).split())


# -- files ----------------------------------------------------------------------------------------


def _read(file: Path) -> list[Row] | None:
    """Rows of a finished unit; None when it is not there or was cut short."""
    try:
        lines = file.read_text(encoding="utf-8").split("\n")  # splitlines() also cuts at U+2028
        rows: list[Any] = [json.loads(line) for line in lines if line]
    except (OSError, ValueError):
        return None
    return rows


def _write(file: Path, rows: list[Row]) -> None:
    file.parent.mkdir(parents=True, exist_ok=True)
    text = "".join(json.dumps(row, ensure_ascii=False) + "\n" for row in rows)
    temporary = file.with_name(f".{file.name}.tmp")
    with temporary.open("w", encoding="utf-8") as stream:
        stream.write(text)
        stream.flush()
        os.fsync(stream.fileno())
    temporary.replace(file)
