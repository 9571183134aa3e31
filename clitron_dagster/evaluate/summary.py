"""From rows and predictions to ``metrics.json`` and ``comparison.json``, as plain data."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from clitron_dagster.argv import ArgvError, to_argv, to_shell
from clitron_dagster.decide import CONFIRM, OFFER, SUGGEST
from clitron_dagster.evaluate.columns import Column, Runner
from clitron_dagster.evaluate.confidence import confidence_scores
from clitron_dagster.evaluate.metrics import (
    Proportion,
    RowScore,
    column_scores,
    mcnemar_exact,
    percentile,
    score_row,
)
from clitron_dagster.evaluate.rows import EvalRow
from clitron_dagster.schema import Schema

SET_LABELS = {"human": "human-phrased rows", "test": "generated test rows"}
# What is wrong with an answer, the gravest first.
ERROR_KINDS = {
    "destructive": "a destructive command that was not asked for",
    "acted": "a command where a question was due",
    "command": "another command",
    "invalid": "not a legal answer",
    "flags": "other flags",
    "args": "other arguments",
    "values": "wrong value",
    "asked": "a needless question",
}
CONFIDENCE_BANDS = {
    f"{OFFER} and above": (OFFER, 2.0),
    f"{CONFIRM} to {OFFER}": (CONFIRM, OFFER),
    f"{SUGGEST} to {CONFIRM}": (SUGGEST, CONFIRM),
    f"below {SUGGEST}": (-1.0, SUGGEST),
}


@dataclass(frozen=True)
class Judged:
    """One column over one row set."""

    rows: list[EvalRow]
    scores: dict[str, RowScore]  # by row id

    def flags(self, ids: Sequence[str], what: str = "exact") -> list[bool]:
        return [bool(getattr(self.scores[row_id], what)) for row_id in ids]


def judge(
    schema: Schema, runner: Runner, columns: Sequence[Column]
) -> dict[str, dict[str, Judged]]:
    """``{set: {column: Judged}}`` of everything that was answered."""
    judged: dict[str, dict[str, Judged]] = {}
    for name in runner.sets:
        judged[name] = {}
        for column in columns:
            rows = runner.answered(name, column.name)
            texts = runner.predictions(name, column.name)
            scores = {row.id: score_row(schema, row, texts[row.id].text) for row in rows}
            judged[name][column.name] = Judged(rows, scores)
    return judged


def set_metrics(
    schema: Schema,
    judged: Mapping[str, Judged],
    pairs: Sequence[tuple[str, str]],
    served: Collection[str],
) -> dict[str, Any]:
    """Scores of every column over one row set, and paired tests on the rows both answered.

    ``served`` names the columns whose answers carry a measured confidence.
    """
    columns = {}
    for name, one in judged.items():
        scores = [one.scores[row.id] for row in one.rows]
        kinds = [error_kind(schema, row, one.scores[row.id]) for row in one.rows]
        columns[name] = {
            **column_scores(one.rows, scores),
            "errors": {kind: kinds.count(kind) for kind in ERROR_KINDS},
            "by_confidence": by_confidence(scores) if name in served else {},
            "confidence": confidence_scores(_confidences(scores)) if name in served else {"n": 0},
        }
    return {
        "columns": columns,
        "paired": [
            {"a": a, "b": b, **mcnemar_exact(judged[a].flags(ids), judged[b].flags(ids))}
            for a, b in pairs
            if (ids := _shared(judged[a], judged[b]))
        ],
    }


def _confidences(scores: Sequence[RowScore]) -> list[tuple[float, bool]]:
    return [(float(s.answer["confidence"]), s.exact) for s in scores if s.schema_valid]


def by_confidence(scores: Sequence[RowScore]) -> dict[str, Any]:
    """Exact match of legal answers by their confidence, in the bands of seed 004."""
    found: dict[str, Any] = {}
    for band, (low, high) in CONFIDENCE_BANDS.items():
        group = [s for s in scores if s.schema_valid and low <= s.answer["confidence"] < high]
        found[band] = Proportion(sum(s.exact for s in group), len(group)).as_dict()
    return found


def _shared(a: Judged, b: Judged) -> list[str]:
    return [row.id for row in a.rows if row.id in b.scores]


def paired_columns(
    names: Sequence[str], quants: Sequence[str], chosen: str
) -> list[tuple[str, str]]:
    """Which columns are compared: each step of the pipeline with the one before it."""
    tuned = "dpo" if "dpo" in names else "sft"
    wanted = [
        ("base", "sft"),
        ("sft", "dpo"),
        *((tuned, quant) for quant in quants),
        *((quants[0], quant) for quant in quants[1:]),
        (chosen, f"{chosen}-free"),
    ]
    return [(a, b) for a, b in wanted if a in names and b in names]


def recommend(
    judged: Mapping[str, Mapping[str, Judged]], quants: Mapping[str, int], within: float
) -> dict[str, Any]:
    """The smallest quant whose exact match is at most ``within`` below the best quant's.

    Judged on the generated test rows (human-phrased rows only measure, they choose nothing), on
    rows that every quant answered.
    ``quants`` maps names to sizes in bytes.
    """
    name = next((key for key in ("test", "human") if any(j.rows for j in judged[key].values())), "")
    if not name:
        smallest = min(quants, key=lambda quant: quants[quant])
        return {"quant": smallest, "on": None, "n": 0, "exact": {}, "within": within}
    columns = [judged[name][quant] for quant in quants]
    ids = [row.id for row in columns[0].rows if all(row.id in c.scores for c in columns)]
    exact = {
        quant: sum(judged[name][quant].flags(ids)) / len(ids) if ids else 0.0 for quant in quants
    }
    enough = [q for q in quants if exact[q] >= max(exact.values()) - within - 1e-9]
    chosen = min(enough, key=lambda quant: quants[quant])
    return {"quant": chosen, "on": name, "n": len(ids), "exact": exact, "within": within}


def latency(runner: Runner, columns: Sequence[Column]) -> dict[str, Any]:
    """Of every constrained GGUF, over the requests that were answered one at a time."""
    found = {}
    for column in columns:
        if not column.constrained:
            continue
        timed = [
            prediction
            for name in runner.sets
            for prediction in runner.predictions(name, column.name)
            if prediction.latency_ms is not None
        ]
        times = [prediction.latency_ms or 0.0 for prediction in timed]
        tokens = sum(prediction.tokens or 0 for prediction in timed)
        found[column.name] = {
            "n": len(times),
            "p50_ms": percentile(times, 0.5),
            "p99_ms": percentile(times, 0.99),
            "max_ms": max(times, default=None),
            "tokens_per_second": round(tokens / sum(times) * 1000, 1) if sum(times) else None,
            "answer_tokens": round(tokens / len(times), 1) if times else None,
            "load_ms": runner.load_ms.get(column.quant),
            "size_bytes": column.model.stat().st_size,
            "file": column.model.name,
            "times_ms": [round(ms, 1) for ms in times],
        }
    return found


# -- row by row -----------------------------------------------------------------------------------


def error_kind(schema: Schema, row: EvalRow, score: RowScore) -> str | None:
    """A key of :data:`ERROR_KINDS`, or None for an exact answer."""
    if score.exact:
        return None
    if not score.schema_valid:
        return "invalid"
    answer = score.answer
    if answer["type"] == "clarification":
        return "asked"
    if _effect(schema, answer) == "destructive" and all(
        _effect(schema, truth) != "destructive" for truth in row.answers
    ):
        return "destructive"
    if row.wants_clarification:
        return "acted"
    if not score.command:
        return "command"
    if not score.flags_equal:
        return "flags"
    return "values" if score.structural else "args"


def _effect(schema: Schema, answer: Mapping[str, Any]) -> str | None:
    if answer.get("type") != "command":
        return None
    unit = schema.unit(answer["command"], answer["subcommand"])
    return unit.effect_with(answer["args"], answer["flags"]) if unit else None


def comparison(
    schema: Schema, runner: Runner, judged: Mapping[str, Mapping[str, Judged]]
) -> list[dict[str, Any]]:
    """Every row beside every column's answer to it; rows that no column answered are left out."""
    table = []
    for set_name, columns in judged.items():
        for row in runner.sets[set_name]:
            answers = {
                name: _cell(schema, row, one.scores[row.id], runner, set_name, name)
                for name, one in columns.items()
                if row.id in one.scores
            }
            if answers:
                table.append(
                    {
                        "set": set_name,
                        "id": row.id,
                        "request": row.request,
                        "context": row.context,
                        "truth": row.truth,
                        "truth_shell": shell(schema, row.truth) or f"(question: {row.case})",
                        "accept": list(row.accept),
                        "unit": row.unit,
                        "case": row.case,
                        "tags": list(row.tags),
                        "answers": answers,
                    }
                )
    return table


def _cell(
    schema: Schema, row: EvalRow, score: RowScore, runner: Runner, set_name: str, column: str
) -> dict[str, Any]:
    text = runner.predictions(set_name, column)[row.id].text
    shown = shell(schema, score.answer) if score.answer is not None else None
    if score.schema_valid and score.clarification:
        shown = f"(question) {score.answer['message']}"
    return {
        "exact": score.exact,
        "structural": score.structural,
        "schema_valid": score.schema_valid,
        "error": error_kind(schema, row, score),
        "answer": text if score.answer is None else score.answer,
        "shown": text if shown is None else shown,
        "faults": list(score.faults),
    }


def shell(schema: Schema, answer: Mapping[str, Any]) -> str | None:
    """The command line of a legal command answer, else None."""
    try:
        argv = to_argv(schema, dict(answer))
    except ArgvError:
        return None
    return to_shell(argv) if argv else None


def worst(table: Sequence[Mapping[str, Any]], column: str, limit: int) -> list[dict[str, Any]]:
    """The column's gravest errors: by kind, and within a kind in the table's order."""
    ranks = list(ERROR_KINDS)
    wrong = [
        {**row, "given": cell, "why": ERROR_KINDS[cell["error"]]}
        for row in table
        if (cell := row["answers"].get(column)) and cell["error"]
    ]
    return sorted(wrong, key=lambda row: ranks.index(row["given"]["error"]))[:limit]
