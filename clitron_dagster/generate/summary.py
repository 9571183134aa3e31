"""Numbers about a finished set of rows."""

from __future__ import annotations

import json
import re
import statistics
from collections import Counter

from clitron_dagster.generate.rows import Row
from clitron_dagster.schema import Schema
from clitron_dagster.stage import Metrics


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
    items = [
        str(item) for value in values for item in (value if isinstance(value, list) else [value])
    ]
    for item in sorted(items, key=len, reverse=True):
        text = text.replace(item.lower(), "_")
    return " ".join(re.sub(r"[?!.,\"']", " ", text).split())
