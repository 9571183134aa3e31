"""The numbers that a person looks at first, out of the manifests' metrics."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from clitron_dagster.cli.common import percent
from clitron_dagster.store import Artifact

HEADINGS = ("", "exact", "structural", "valid JSON", "schema-valid", "p50")


def tables(report: Artifact) -> Iterator[tuple[str, list[tuple[str, ...]]]]:
    yield from ()


def headline(asset: str, metrics: Mapping[str, Any]) -> str:
    return ""
