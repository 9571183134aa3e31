"""Fit the confidence of a GGUF: the last step of its making, on the very file that will answer.

Rows come from ``schemas/<cli>.calibration.jsonl`` (requests with answers, written like those of
``<cli>.examples.jsonl``, never trained on), else from the validation split. They are neither trained
nor tested on. Generated rows are easier than what people ask, so a calibration on them flatters; the
file is the better source, and the record says which it was.
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from clitron_dagster.answer import canonical
from clitron_dagster.calibration import Calibration, fit
from clitron_dagster.evaluate.metrics import score_row
from clitron_dagster.evaluate.predictions import shuffled
from clitron_dagster.evaluate.rows import EvalRow, load_test_rows, unit_key
from clitron_dagster.inference.engine import Engine
from clitron_dagster.inference.predict import predict_with_signals
from clitron_dagster.schema import Schema
from clitron_dagster.validate.rows import Row, RowsError, calibration_file, read_curated
from clitron_dagster.validate.rules import check_row

PARALLEL = 8


def calibration_rows(
    schema: Schema, schema_file: Path, val: Path, limit: int
) -> tuple[list[EvalRow], str]:
    """At most ``limit`` rows, and where they are from (``written`` or ``generated``).

    Raises:
        RowsError: a line of the file is no row.
    """
    file = calibration_file(schema_file)
    written = [_eval_row(schema, row, file) for row in read_curated(schema, file)]
    if written:
        return shuffled(written)[:limit], "written"
    return shuffled(load_test_rows(schema, val))[:limit], "generated"


def _eval_row(schema: Schema, row: Row, file: Path) -> EvalRow:
    for fault in check_row(schema, row, {}).faults.values():
        raise RowsError(f"{file}:{row.line}: {fault}; mend that line, or remove it")
    truth = json.loads(row.output)
    return EvalRow(row.id, row.instruction, row.context, truth, unit=unit_key(truth))


def calibrate(
    gguf: Path, schema: Schema, rows: Sequence[EvalRow], max_tokens: int
) -> tuple[Calibration | None, dict[str, Any]]:
    """Answer the rows as they will be served, and fit. The record says how many were right."""
    asked = [{"id": row.id, "nl": row.request, "context": row.context} for row in rows]
    signals, right, due = [], [], []
    with Engine(gguf, parallel=PARALLEL) as engine:
        found = predict_with_signals(engine, schema, asked, max_tokens=max_tokens)
        for row, (answer, seen) in zip(rows, found, strict=True):
            if seen is None:
                continue
            signals.append(seen)
            text = canonical(answer["response"]) if answer["response"] is not None else ""
            right.append(score_row(schema, row, text).exact)
            due.append(row.wants_clarification)
    fitted = fit(signals, right, due)
    record = {"rows": len(right), "right": sum(right), "fitted": fitted is not None}
    return fitted, record | ({"model": fitted.to_text()} if fitted else {})
