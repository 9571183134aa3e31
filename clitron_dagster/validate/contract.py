"""The pandera contracts: which rows break which rule, and what a validated dataset looks like."""

from __future__ import annotations

import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pandas as pd
import pandera.pandas as pa
import pyarrow as arrow
from pyarrow import parquet

from clitron_dagster.schema import Schema
from clitron_dagster.validate.rows import ROW_KEYS, Row
from clitron_dagster.validate.rules import KINDS

COLUMNS = ("id", *ROW_KEYS)


def broken_rules(
    rules: Sequence[str], faults: Sequence[dict[str, str]]
) -> dict[int, tuple[str, str]]:
    """``row index → (rule, reason)`` of the first rule in ``rules`` that each row breaks.

    The frame has a column for each rule with the reason in words, and no fault is the empty text;
    validation is lazy, so that one pass finds all rows.
    """
    if not faults:
        return {}
    frame = pd.DataFrame([{rule: row.get(rule, "") for rule in rules} for row in faults])
    kept = pa.DataFrameSchema({rule: pa.Column(str, pa.Check.eq("", name=rule)) for rule in rules})
    broken: dict[int, tuple[str, str]] = {}
    try:
        kept.validate(frame, lazy=True)
    except pa.errors.SchemaErrors as error:
        cases = error.failure_cases
        for rule, reason, index in zip(
            cases["column"], cases["failure_case"], cases["index"], strict=True
        ):
            first = broken.get(int(index))
            if first is None or rules.index(rule) < rules.index(first[0]):
                broken[int(index)] = (rule, reason)
    return broken


def dataset_contract(schema: Schema) -> pa.DataFrameSchema:
    """What later stages may rely on."""
    units = ["", *(unit.key for unit in schema.units)]
    return pa.DataFrameSchema(
        {
            "id": pa.Column(str, pa.Check.str_matches(r"^[0-9a-f]{16}$"), unique=True),
            "unit": pa.Column(str, pa.Check.isin(units)),
            "kind": pa.Column(str, pa.Check.isin(KINDS)),
            "source": pa.Column(str, pa.Check.str_length(min_value=1)),
            "group": pa.Column(str, pa.Check.str_length(min_value=1)),
            "instruction": pa.Column(str, pa.Check.str_length(min_value=1)),
            "context": pa.Column(str, pa.Check.str_startswith("{"), nullable=True),
            "output": pa.Column(str, pa.Check.str_startswith('{"type":"')),
        },
        strict=True,
        ordered=True,
    )


def write_parquet(file: Path, schema: Schema, rows: Sequence[Row]) -> None:
    """Write the rows as text columns, ``context`` as JSON text or null.

    Raises:
        pandera.errors.SchemaErrors: the rows break the contract, which the rules should prevent.
    """
    items: list[dict[str, Any]] = [row.to_json() for row in rows]
    for item in items:
        if item["context"] is not None:
            item["context"] = json.dumps(item["context"], ensure_ascii=False)
    dataset_contract(schema).validate(pd.DataFrame(items, columns=list(COLUMNS)), lazy=True)
    table = arrow.Table.from_pylist(
        items, schema=arrow.schema([(name, arrow.string()) for name in COLUMNS])
    )
    parquet.write_table(table, file)
