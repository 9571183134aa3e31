"""eval_report: how good the model is, beside the base model, on two row sets that never mix.

Reads ``splits`` (test.jsonl), ``sft_adapter``, ``dpo_model``, ``gguf_model``, the base model, and
the human-phrased rows beside the schema (``<cli>.eval.jsonl``). Writes ``metrics.json``,
``comparison.json``, ``report.html`` (self-contained), ``report.md`` and plots. What was answered
lies in the work folder; a killed run goes on from there.

The recommended quant answers all rows. Every other column answers the first ``compare_rows`` of
each set in an order fixed by the rows' ids, and the base model fewer; every number carries its n,
and columns are compared on the rows that both answered.
"""

from __future__ import annotations

import json
import time
from collections.abc import Mapping
from datetime import datetime, timezone
from pathlib import Path
from typing import Any, Literal

from pydantic import Field

from clitron_dagster.base_model import EMBEDDED, describe, resolve_base_model
from clitron_dagster.errors import ClitronError
from clitron_dagster.evaluate.human_rows import load_human_rows
from clitron_dagster.evaluate.rows import EvalRow, load_test_rows
from clitron_dagster.stage import Job, Metrics, StageConfig
from clitron_dagster.validate.rows import eval_file

CODE_VERSION = "2"
Kind = Literal["base", "sft", "dpo", "gguf", "unconstrained"]


class EvalReportConfig(StageConfig):
    """Settings of the evaluation."""

    base_model: str = EMBEDDED
    columns: tuple[Kind, ...] = ("base", "sft", "dpo", "gguf", "unconstrained")
    quants: tuple[str, ...] | None = None  # None: all but f16, which DPO's column stands for
    max_test_rows: int = Field(default=200, ge=0)  # of the test split
    max_human_rows: int | None = Field(default=None, ge=0)  # None: all
    compare_rows: int = Field(default=60, ge=1)  # of each set, for all but the recommended quant
    base_rows: int = Field(default=20, ge=1)  # of each set, for the base model
    latency_rows: int = Field(default=40, ge=1)  # answered one at a time by each quant
    max_new_tokens: int = Field(default=128, ge=1)
    base_max_new_tokens: int = Field(default=96, ge=1)  # the base model rambles
    batch_size: int = Field(default=64, ge=1)  # rows of a transformers batch
    parallel: int = Field(default=8, ge=1)  # requests that llama.cpp decodes at once
    recommend_within: float = Field(default=0.01, ge=0)  # of the best quant's exact match


def run(job: Job[EvalReportConfig]) -> Metrics:
    """Answer the rows with every column, score them, write the report.

    Raises:
        ClitronError: the human rows have faults, an artifact lacks its model, or there is no row.
    """
    from clitron_dagster.evaluate import columns as models
    from clitron_dagster.evaluate import report, summary

    started = time.perf_counter()
    config = job.config
    sets, note = _rows(job)
    base = resolve_base_model(config.base_model)
    found = [
        column
        for column in models.find_columns(job.inputs, job.cli, base, config.quants)
        if (column.name if column.kind == "hf" else "gguf") in config.columns
    ]
    runner = models.Runner(
        schema=job.schema,
        sets=sets,
        plan=models.Plan(**config.model_dump(include=set(models.Plan.__dataclass_fields__))),
        work=job.work,
        log=job.log,
        progress=job.progress,
    )
    quants = {column.name: column for column in found if column.kind == "gguf"}
    for column in found:
        runner.run(column, config.base_rows if column.name == "base" else config.compare_rows)
    chosen: dict[str, Any] = {"quant": None}
    if quants:
        sizes = {name: column.model.stat().st_size for name, column in quants.items()}
        judged = summary.judge(job.schema, runner, list(quants.values()))
        chosen = summary.recommend(judged, sizes, config.recommend_within)
        best = quants[chosen["quant"]]
        if "unconstrained" in config.columns:
            found.insert(found.index(best) + 1, models.unconstrained(best))
            runner.run(models.unconstrained(best), config.compare_rows)
        runner.run(best, None)
    judged = summary.judge(job.schema, runner, found)
    names = [column.name for column in found]
    pairs = summary.paired_columns(names, list(quants), str(chosen["quant"])) if quants else []
    dpo = models.training_metrics(job.inputs["dpo_model"])
    metrics = {
        "cli": job.cli,
        "recommended": chosen,
        "labels": {column.name: column.label for column in found},
        "sets": {
            name: {
                "label": summary.SET_LABELS[name],
                "rows": len(runner.sets[name]),
                "note": note if name == "human" else None,
                **summary.set_metrics(job.schema, judged[name], pairs, quants),
            }
            for name in sets
        },
        "latency": summary.latency(runner, found),
        "dpo": {"kept": models.dpo_kept(job.inputs["dpo_model"]), "why": dpo.get("why")},
        "environment": _environment(job, base),
        "settings": config.model_dump(mode="json"),
        "column_seconds": runner.seconds,
        "seconds": round(time.perf_counter() - started, 1),
    }
    table = summary.comparison(job.schema, runner, judged)
    _write_json(job.out / "metrics.json", metrics)
    _write_json(job.out / "comparison.json", table)
    report.write(job.out, metrics, table, job.inputs)
    return headline(metrics)


def _rows(job: Job[EvalReportConfig]) -> tuple[dict[str, list[EvalRow]], str | None]:
    from clitron_dagster.evaluate.predictions import shuffled

    human, note = load_human_rows(job.schema, eval_file(job.schema_file))
    test = load_test_rows(job.schema, job.inputs["splits"] / "test.jsonl")
    if note:
        job.log(note)
    if not human and not test:
        raise ClitronError(f"there is no row to judge {job.cli} on; generate more examples")
    sets = {
        "human": shuffled(human)[: job.config.max_human_rows],
        "test": shuffled(test)[: job.config.max_test_rows],
    }
    return sets, note


def headline(metrics: Mapping[str, Any]) -> Metrics:
    """The numbers that a person looks at first, flat."""
    quant = metrics["recommended"]["quant"]
    found: Metrics = {"recommended_quant": quant}
    for set_name, one in metrics["sets"].items():
        for column in ("base", "sft", "dpo", quant):
            scores = one["columns"].get(column)
            if scores is None or not scores["n"]:
                continue
            label = "model" if column == quant else column
            found[f"{set_name}_{label}_n"] = scores["n"]
            shown = ("exact", "structural") if label != "model" else _HEADLINE
            for name in shown:
                value = scores[name]["value"]
                if value is not None:
                    found[f"{set_name}_{label}_{name}"] = round(value, 4)
            if label == "model" and scores["confidence"]["n"]:
                found[f"{set_name}_model_ece"] = round(scores["confidence"]["ece"]["value"], 4)
                if scores["confidence"]["auroc"] is not None:
                    found[f"{set_name}_model_auroc"] = round(scores["confidence"]["auroc"], 4)
    timed = metrics["latency"].get(quant)
    if timed:
        found["size_mib"] = round(timed["size_bytes"] / 2**20, 1)
        if timed["n"]:
            found["latency_p50_ms"] = round(timed["p50_ms"], 1)
            found["latency_p99_ms"] = round(timed["p99_ms"], 1)
            found["latency_n"] = timed["n"]
    return {**found, "seconds": metrics["seconds"]}


_HEADLINE = (
    "exact", "structural", "arg_accuracy", "flag_accuracy", "json_valid", "schema_valid",
    "clarification_precision", "clarification_recall", "context",
)  # fmt: skip


def _environment(job: Job[Any], base: Path) -> dict[str, Any]:
    import importlib.metadata
    import platform

    from clitron_dagster.inference.engine import physical_cores
    from clitron_dagster.prompt import PROMPT_VERSION
    from clitron_dagster.train.device import cpu_has_bf16, pick_device

    packages = ("clitron-dagster", "torch", "transformers", "llama-cpp-python", "peft")
    about = describe(base)
    return {
        "date": datetime.now(timezone.utc).isoformat(timespec="seconds"),
        "host": platform.node(),
        "platform": platform.platform(),
        "cpu": _cpu_name(),
        "threads": physical_cores(),
        "device": pick_device(),
        "bf16": cpu_has_bf16(),
        "python": platform.python_version(),
        "packages": {name: _version(importlib.metadata, name) for name in packages},
        "base_model": about.name,
        "base_model_note": about.note,
        "schema": job.schema.hash,
        "prompt_version": PROMPT_VERSION,
    }


def _version(metadata: Any, name: str) -> str | None:
    try:
        return str(metadata.version(name))
    except metadata.PackageNotFoundError:
        return None


def _cpu_name() -> str:
    import platform

    try:
        for line in Path("/proc/cpuinfo").read_text().splitlines():
            if line.startswith("model name"):
                return line.partition(":")[2].strip()
    except OSError:
        pass
    return platform.processor() or platform.machine()


def _write_json(file: Path, value: Any) -> None:
    file.write_text(json.dumps(value, indent=1, ensure_ascii=False) + "\n", encoding="utf-8")
