"""A stand-in server, a key in the environment, and the stage run against it."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from clitron_dagster.generate import RawExamplesConfig, run
from clitron_dagster.schema import Schema
from clitron_dagster.stage import Job
from clitron_dagster_tests.generate.api.stand_in import KEY, StandIn, serving
from clitron_dagster_tests.generate.helpers import notes, read
from clitron_dagster_tests.paths import NOTES

Generate = Callable[..., tuple[dict[str, Any], list[dict[str, Any]]]]


@pytest.fixture
def server(monkeypatch: pytest.MonkeyPatch) -> Iterator[StandIn]:
    with serving(StandIn(notes())) as stand_in:
        monkeypatch.setenv("ANTHROPIC_API_KEY", KEY)
        monkeypatch.setenv("ANTHROPIC_BASE_URL", stand_in.url)
        yield stand_in


@pytest.fixture
def generate(tmp_path: Path) -> Generate:
    """``generate(mode="message")``: metrics and rows; calls share the folder of paid answers."""

    def call(
        schema: Schema | None = None, *, fingerprint: str = "a", **config: Any
    ) -> tuple[dict[str, Any], list[dict[str, Any]]]:
        out = tmp_path / fingerprint / "out"
        out.mkdir(parents=True, exist_ok=True)
        settings = {
            "source": "anthropic", "num_examples": 80, "min_per_unit": 4, "batch_poll_seconds": 0.01,
            "mode": "message", "max_cost_usd": 1.0, **config,
        }  # fmt: skip
        job = Job(
            schema or notes(), NOTES, RawExamplesConfig(**settings), {}, out,
            tmp_path / fingerprint / f".work-{fingerprint}", lambda _: None,
            kept=tmp_path / "kept",
        )  # fmt: skip
        return run(job), read(out / "examples.jsonl")

    return call
