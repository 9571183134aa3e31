"""What an asset's page shows: numbers, sample rows, curves, paths, and why it was computed."""

from __future__ import annotations

import base64
import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import dagster as dg

from clitron_dagster.pipeline import Outcome
from clitron_dagster.settings import Settings
from clitron_dagster.stages import Stage

SAMPLE_ROWS = 8
_SAMPLES = {
    "raw_examples": "examples.jsonl",
    "validated_dataset": "dataset.jsonl",
    "splits": "test.jsonl",
    "preference_pairs": "pairs.jsonl",
}
MAX_IMAGE_BYTES = 300_000


def metadata_of(stage: Stage, settings: Settings, outcome: Outcome) -> dict[str, Any]:
    """Metadata of a materialization."""
    manifest = outcome.artifact.manifest
    metadata: dict[str, Any] = {
        "reused": outcome.reused,
        "why": "; ".join(outcome.reasons) or "nothing it depends on has changed",
        "profile": settings.profile_name(settings.load(manifest.cli)),
        "computed_in": dg.MetadataValue.float(manifest.seconds),
        "fingerprint": manifest.fingerprint,
        "path": dg.MetadataValue.path(str(outcome.artifact.location)),
        **dict(_metrics(manifest.metrics)),
    }
    folder = outcome.artifact.local()
    if stage.name in _SAMPLES:
        metadata["sample"] = _table(folder / _SAMPLES[stage.name])
    for image in sorted(folder.glob("*.png")):
        if image.stat().st_size <= MAX_IMAGE_BYTES:
            data = base64.b64encode(image.read_bytes()).decode()
            metadata[image.stem] = dg.MetadataValue.md(
                f"![{image.stem}](data:image/png;base64,{data})"
            )
    report = folder / "report.html"
    if report.exists():
        metadata["report"] = dg.MetadataValue.url(report.as_uri())
    markdown = folder / "report.md"
    if markdown.exists():
        metadata["scores"] = dg.MetadataValue.md(markdown.read_text(encoding="utf-8")[:8_000])
    return metadata


def _metrics(metrics: dict[str, Any]) -> Iterator[tuple[str, Any]]:
    for name, value in metrics.items():
        if isinstance(value, bool | int | float | str):
            yield name, value
        elif value is not None:
            yield name, dg.MetadataValue.json(value)


def _table(file: Path) -> dg.TableMetadataValue:
    """The first rows of a JSONL file, nested values as JSON text."""
    with file.open(encoding="utf-8") as lines:
        rows = [json.loads(line) for _, line in zip(range(SAMPLE_ROWS), lines, strict=False)]
    columns = ("instruction", "context", "output", "chosen", "rejected", "error", "kind", "unit")
    shown = [name for name in columns if any(name in row for row in rows)]
    records = [dg.TableRecord({name: _cell(row.get(name)) for name in shown}) for row in rows]
    schema = dg.TableSchema([dg.TableColumn(name) for name in shown])
    return dg.MetadataValue.table(records, schema=schema)


def _cell(value: Any) -> str:
    return value if isinstance(value, str) else json.dumps(value, ensure_ascii=False)
