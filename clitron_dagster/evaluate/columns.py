"""The columns of the report: which models are judged, on which rows, and their predictions."""

from __future__ import annotations

import gc
import json
import time
from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Literal

from clitron_dagster.errors import ClitronError
from clitron_dagster.evaluate.predictions import (
    Predictions,
    predict_free,
    predict_hf,
    predict_served,
    shuffled,
)
from clitron_dagster.evaluate.rows import EvalRow
from clitron_dagster.schema import Schema


@dataclass(frozen=True)
class Column:
    """One model as it is judged. ``name`` is safe in file names."""

    name: str
    label: str
    kind: Literal["hf", "gguf"]
    model: Path  # folder, or GGUF file
    adapter: Path | None = None
    constrained: bool = False
    quant: str = ""


@dataclass(frozen=True)
class Plan:
    """How many rows each column gets, and how it is decoded."""

    base_rows: int
    compare_rows: int
    latency_rows: int
    max_new_tokens: int
    base_max_new_tokens: int
    batch_size: int
    parallel: int


@dataclass
class Runner:
    """Fills in the predictions of columns over row sets (``{"human": rows, "test": rows}``)."""

    schema: Schema
    sets: Mapping[str, Sequence[EvalRow]]
    plan: Plan
    work: Path
    log: Callable[[str], None]
    progress: Callable[[dict[str, Any]], None]
    seconds: dict[str, float] = field(default_factory=dict)
    load_ms: dict[str, float] = field(default_factory=dict)
    _kept: dict[tuple[str, str], Predictions] = field(default_factory=dict)

    def __post_init__(self) -> None:
        self.sets = {name: shuffled(rows) for name, rows in self.sets.items()}

    def predictions(self, set_name: str, column: str) -> Predictions:
        key = set_name, column
        if key not in self._kept:
            self._kept[key] = Predictions(self.work / f"{set_name}-{column}.jsonl")
        return self._kept[key]

    def answered(self, set_name: str, column: str) -> list[EvalRow]:
        """The rows of the set that the column has answered, in the set's fixed order."""
        missing = {
            row.id for row in self.predictions(set_name, column).missing(self.sets[set_name])
        }
        return [row for row in self.sets[set_name] if row.id not in missing]

    def run(self, column: Column, limit: int | None) -> None:
        """Answer the first ``limit`` rows of each set (all without one)."""
        wanted = {name: rows[:limit] for name, rows in self.sets.items()}
        if not any(self.predictions(name, column.name).missing(r) for name, r in wanted.items()):
            return
        started = time.perf_counter()
        (self._run_hf if column.kind == "hf" else self._run_gguf)(column, wanted)
        spent = time.perf_counter() - started
        self.seconds[column.name] = round(self.seconds.get(column.name, 0) + spent, 1)
        counts = ", ".join(f"{len(rows)} {name}" for name, rows in wanted.items())
        self.log(f"{column.label}: answered {counts} rows in {spent:.0f} s")

    def _run_hf(self, column: Column, wanted: Mapping[str, Sequence[EvalRow]]) -> None:
        from clitron_dagster.evaluate.hf_runner import load_model
        from clitron_dagster.train.device import use_all_cores

        use_all_cores()
        is_base = column.name == "base"
        loaded = load_model(column.model, column.adapter)
        for name, rows in wanted.items():
            predict_hf(
                loaded,
                self.schema,
                rows,
                self.predictions(name, column.name),
                max_new_tokens=(
                    self.plan.base_max_new_tokens if is_base else self.plan.max_new_tokens
                ),
                batch_size=self.plan.batch_size,
                stop_at_object=is_base,
                progress=self._tell(column, name, len(rows)),
            )
        del loaded
        gc.collect()

    def _run_gguf(self, column: Column, wanted: Mapping[str, Sequence[EvalRow]]) -> None:
        from clitron_dagster.inference.engine import Engine

        predict = predict_served if column.constrained else predict_free
        alone = self._alone(column, wanted)
        for parallel in (1, self.plan.parallel):
            rows_of = alone if parallel == 1 else wanted
            if not any(self.predictions(n, column.name).missing(r) for n, r in rows_of.items()):
                continue
            started = time.perf_counter()
            with Engine(column.model, parallel=parallel) as engine:
                loading = round((time.perf_counter() - started) * 1000, 1)
                self.load_ms.setdefault(column.quant, loading)
                for name, rows in rows_of.items():
                    predict(
                        engine,
                        self.schema,
                        rows,
                        self.predictions(name, column.name),
                        max_new_tokens=self.plan.max_new_tokens,
                        progress=self._tell(column, name, len(wanted[name])),
                    )

    def _alone(
        self, column: Column, wanted: Mapping[str, Sequence[EvalRow]]
    ) -> dict[str, Sequence[EvalRow]]:
        """The rows answered one at a time for their latency: of the human rows where there are."""
        if not column.constrained:
            return {}
        name = next(name for name, rows in wanted.items() if rows)
        return {name: wanted[name][: self.plan.latency_rows]}

    def _tell(self, column: Column, set_name: str, total: int) -> Callable[[int], None]:
        def tell(done: int) -> None:
            self.progress({"column": column.name, "set": set_name, "rows": done, "of": total})

        return tell


def find_columns(
    inputs: Mapping[str, Path], cli: str, base: Path, quants: Collection[str] | None = None
) -> list[Column]:
    """Base, SFT, DPO and the quants (None: all but f16), as far as the artifacts have them.

    DPO is left out where it was not kept: the artifact then holds the SFT model.

    Raises:
        ClitronError: an artifact lacks its model.
    """
    columns = [Column("base", "base model", "hf", base)]
    sft = inputs["sft_adapter"]
    if (sft / "adapter" / "adapter_config.json").is_file():
        columns.append(Column("sft", "SFT", "hf", base, adapter=sft / "adapter"))
    elif (sft / "model" / "config.json").is_file():
        columns.append(Column("sft", "SFT", "hf", sft / "model"))
    else:
        raise ClitronError(
            f"{sft} holds neither adapter/ nor model/; materialize sft_adapter again"
        )
    dpo = inputs["dpo_model"]
    if not (dpo / "model" / "config.json").is_file():
        raise ClitronError(f"{dpo} holds no model/; materialize dpo_model again")
    if dpo_kept(dpo):
        columns.append(Column("dpo", "DPO", "hf", dpo / "model"))
    return [*columns, *_gguf_columns(inputs["gguf_model"], cli, quants)]


def _gguf_columns(folder: Path, cli: str, quants: Collection[str] | None) -> Iterator[Column]:
    """One for each ``clitron-<cli>-<quant>.gguf``, the largest first."""
    prefix = f"clitron-{cli}-"
    found = {
        file.stem.removeprefix(prefix): file
        for file in sorted(
            folder.glob(f"{prefix}*.gguf"), key=lambda f: (-f.stat().st_size, f.name)
        )
    }
    if quants is None:
        wanted = [quant for quant in found if quant != "f16"] or list(found)
    else:
        wanted = [quant for quant in found if quant in quants]
    if not wanted:
        named = f"{prefix}{'*' if quants is None else '|'.join(quants)}.gguf"
        raise ClitronError(f"{folder} holds no {named}; materialize gguf_model again")
    for quant in wanted:
        label = f"GGUF {quant.upper()}"
        yield Column(quant, label, "gguf", found[quant], constrained=True, quant=quant)


def unconstrained(column: Column) -> Column:
    """The same GGUF without the grammar."""
    return Column(
        f"{column.name}-free",
        f"{column.label}, no grammar",
        "gguf",
        column.model,
        quant=column.quant,
    )


def dpo_kept(artifact: Path) -> bool:
    return bool(training_metrics(artifact).get("kept", True))


def training_metrics(artifact: Path) -> dict[str, Any]:
    """A training stage's ``training_metrics.json``; empty where there is none."""
    try:
        found = json.loads((artifact / "training_metrics.json").read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return {}
    return found if isinstance(found, dict) else {}
