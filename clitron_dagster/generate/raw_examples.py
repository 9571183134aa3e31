"""Stage ``raw_examples``: training requests for a CLI, made from its schema alone or by a model.

Reads the schema. Writes ``examples.jsonl`` (docs/architecture.md), ``rejects.jsonl`` (a row and a
``reason``) and ``usage.json``. Each unit's rows are kept in ``work/units/`` once they are made,
so that a restart makes only the missing ones; answers of a language model (``source``, ``api/``)
are kept in ``keep/`` for good.

    python -m clitron_dagster.generate schemas/git.yaml --num-examples 5000 --out /tmp/git
"""

from __future__ import annotations

import json
import os
import re
import time
from collections.abc import Iterable
from pathlib import Path
from typing import Any

from clitron_dagster import answer
from clitron_dagster.generate.api.campaign import Campaign
from clitron_dagster.generate.buckets import apportion, plan
from clitron_dagster.generate.config import RawExamplesConfig
from clitron_dagster.generate.rows import Row
from clitron_dagster.generate.summary import summary
from clitron_dagster.schema import Schema, digest
from clitron_dagster.stage import Job, Metrics

CODE_VERSION = "2"


def run(job: Job[RawExamplesConfig]) -> Metrics:
    """Generate ``config.num_examples`` rows (fewer only when the schema cannot give as many)."""
    started = time.monotonic()
    shares = job.config.campaigns
    parts = apportion(shares, job.config.num_examples, 0)
    rows: list[Row] = []
    wrong: list[Row] = []
    reports: list[dict[str, Any]] = []
    resumed = 0
    if parts.get("offline"):
        rows, resumed = _offline(job, parts["offline"])
    for source in shares:
        if source != "offline" and parts[source]:
            result = Campaign(job, source, parts[source]).run()
            rows, wrong = rows + result.rows, wrong + result.rejects
            reports.append(result.report)
    kept, rejected = sift(job.schema, rows)
    seconds = time.monotonic() - started
    _write(job.out / "examples.jsonl", kept)
    _write(job.out / "rejects.jsonl", [*rejected, *wrong])
    metrics = summary(job.schema, kept, [*rejected, *wrong])
    metrics |= {
        "requested": job.config.num_examples,
        "units_resumed": resumed,
        "rows_per_second": round(len(rows) / seconds) if seconds else 0,
    }
    usage = {"rows": len(kept), "cost_usd": 0.0, "source": "offline", "units": metrics["by_unit"]}
    if reports:
        metrics |= _totals(reports)
        usage |= {"source": shares, "campaigns": reports, "cost_usd": metrics["cost_usd"]}
    (job.out / "usage.json").write_text(json.dumps(usage, indent=1) + "\n")
    return metrics


def _offline(job: Job[RawExamplesConfig], count: int) -> tuple[list[Row], int]:
    """``count`` rows from the schema alone, and how many units an earlier try had finished."""
    folder = job.work / "units"
    folder.mkdir(parents=True, exist_ok=True)
    buckets = plan(job.schema, job.config.model_copy(update={"num_examples": count}))
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
        job.progress(
            {"unit": bucket.name, "rows": len(made), "done": index + 1, "of": len(buckets)}
        )
        job.log(
            f"{job.cli} {index + 1}/{len(buckets)} {bucket.name or 'negatives'}: {len(made)} rows"
        )
    return rows, reused


def _totals(reports: list[dict[str, Any]]) -> Metrics:
    """What the campaigns used and cost, summed, and each one's own report."""
    names = ("requests", "requests_new")
    totals: Metrics = {name: sum(report[name] for report in reports) for name in names}
    for name in reports[0]["usage"]:
        if name != "requests":
            totals[name] = sum(report["usage"][name] for report in reports)
    for name in ("cost_usd", "cost_usd_this_run"):
        totals[name] = round(sum(report[name] for report in reports), 6)
    return {**totals, "campaigns": reports}


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
            reason = f"the same words are a command of `{min(owners - _excused(row))}`"
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
