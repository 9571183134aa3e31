"""The numbers that a person looks at first, out of manifests and the report's metrics.json."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from typing import Any

from clitron_dagster.cli.common import percent, size
from clitron_dagster.store import Artifact

SCORES = {
    "exact": "exact", "structural": "structural", "json_valid": "JSON", "schema_valid": "schema",
}  # fmt: skip
HEADINGS = ("", "n", *SCORES.values(), "p50", "size")
Row = tuple[str, ...]


def tables(report: Artifact) -> Iterator[tuple[str, list[Row]]]:
    """(title, rows) for each set of rows that was judged; nothing for a report without numbers."""
    try:
        text = (report.location / "metrics.json").read_text(encoding="utf-8")
        metrics: Mapping[str, Any] = json.loads(text)
    except (OSError, ValueError):
        return
    recommended = (metrics.get("recommended") or {}).get("quant")
    for one in (metrics.get("sets") or {}).values():
        rows = [
            _row(metrics, name, scores, name == recommended)
            for name, scores in one["columns"].items()
            if scores.get("n")
        ]
        if rows:
            yield f"{one.get('label', 'rows')} ({one.get('rows', '?')})", rows


def _row(
    metrics: Mapping[str, Any], name: str, scores: Mapping[str, Any], recommended: bool
) -> Row:
    label = (metrics.get("labels") or {}).get(name, name)
    speed = (metrics.get("latency") or {}).get(name) or {}
    p50 = speed.get("p50_ms")
    return (
        f"{label} ←" if recommended else str(label),
        str(scores["n"]),
        *(percent((scores.get(key) or {}).get("value")) for key in SCORES),
        "–" if p50 is None else f"{p50:.0f} ms",
        size(speed["size_bytes"]) if speed.get("size_bytes") else "–",
    )


def headline(asset: str, metrics: Mapping[str, Any]) -> str:
    """One short phrase about an artifact; empty when its metrics say nothing known."""
    parts = [
        words.format(metrics[key])
        for key, words in _HEADLINES.get(asset, {}).items()
        if isinstance(metrics.get(key), int | float | str)
    ]
    if asset == "dpo_model" and metrics.get("kept") is False:
        parts.append("SFT goes on")
    if asset == "gguf_model" and isinstance(metrics.get("quants"), dict):
        parts += [f"{quant} {size(one['bytes'])}" for quant, one in metrics["quants"].items()]
    return ", ".join(parts)


_HEADLINES = {
    "raw_examples": {"rows": "{} rows"},
    "validated_dataset": {"rows": "{} rows", "reject_rate": "{:.1%} rejected"},
    "splits": {"train": "{} train", "val": "{} val", "test": "{} test"},
    "sft_adapter": {"eval_loss": "validation loss {:.3f}"},
    "preference_pairs": {"pairs": "{} pairs"},
    "dpo_model": {"dpo_exact": "DPO {:.0%}", "sft_exact": "SFT {:.0%}"},
    "eval_report": {"human_model_exact": "human exact {:.1%}", "test_model_exact": "test {:.1%}"},
}
