"""Rows out of a model's answer. Nothing here trusts the text: each row is checked by the schema."""

from __future__ import annotations

import json
import shlex
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from clitron_dagster.argv import ArgvError, from_argv
from clitron_dagster.generate.api.coverage import Ask, Cell
from clitron_dagster.generate.prices import Usage
from clitron_dagster.generate.rows import Row, make_row
from clitron_dagster.schema import Schema
from clitron_dagster.validate.rows import Row as CheckedRow
from clitron_dagster.validate.rules import check_row
from clitron_dagster.validate.values import Implied

MAX_REQUEST_CHARS = 400


@dataclass(frozen=True)
class Reply:
    """A response's parts that matter, whichever API it came from."""

    text: str = ""
    usage: Usage = field(default_factory=Usage)
    problem: str = ""  # why there is nothing to read: refusal, max_tokens, unreadable


def read_rows(
    schema: Schema, implied: Implied, ask: Ask, contexts: list[Any], text: str, source: str
) -> tuple[list[Row], list[Row]]:
    """``(rows, rejects)`` of one answer; a reject has a ``reason`` and the ``detail``."""
    items = _items(text)
    if items is None:
        return [], [_reject(ask, source, "the answer is not of the agreed form", text[:200])]
    rows: list[Row] = []
    rejects: list[Row] = []
    seen: set[int] = set()
    for at, item in enumerate(items):
        number = item.get("n", at + 1)
        if type(number) is not int or not 1 <= number <= len(ask.cells) or number in seen:
            rejects.append(_reject(ask, source, "its number is of no row", item))
            continue
        seen.add(number)
        made = _row(schema, implied, ask, ask.cells[number - 1], contexts[number - 1], item, source)
        (rejects if "reason" in made else rows).append(made)
    return rows, rejects


def _items(text: str) -> list[dict[str, Any]] | None:
    """The list of rows: whole, in a fenced block, or as far as an answer that was cut reaches."""
    begin = text.find("[", text.find('"rows"'))
    if '"rows"' not in text or begin < 0:
        return None
    decoder, at, items = json.JSONDecoder(), begin + 1, []
    while (at := _skip(text, at)) < len(text) and text[at] == "{":
        try:
            item, at = decoder.raw_decode(text, at)
        except (ValueError, RecursionError):
            break  # cut here; what came before is whole, and paid for
        items.append(item)
    return items


def _skip(text: str, at: int) -> int:
    while at < len(text) and text[at] in " \t\r\n,":
        at += 1
    return at


def _row(
    schema: Schema,
    implied: Implied,
    ask: Ask,
    cell: Cell,
    context: Any,
    item: Mapping[str, Any],
    source: str,
) -> Row:
    request, line = item.get("request"), item.get("argv")
    request = " ".join(request.split()) if isinstance(request, str) else ""
    if not request.isprintable() or not 0 < len(request) <= MAX_REQUEST_CHARS:
        return _reject(ask, source, "no request, or one too long or not printable", item)
    if cell.case:
        if line:
            return _reject(ask, source, "a command where a question back was asked for", item)
        reply = json.loads(cell.output)
        kind, unit, group = f"clarification:{cell.case}", cell.unit, cell.output
    else:
        try:
            reply = from_argv(schema, shlex.split(line if isinstance(line, str) else ""))
        except (ArgvError, ValueError) as error:
            return _reject(ask, source, "not a command line of the schema", item, str(error))
        kind, unit = "command", " ".join(filter(None, (reply["command"], reply["subcommand"])))
        if unit != ask.unit:
            return _reject(ask, source, "another command than the one asked for", item)
        group = json.dumps([reply["args"], reply["flags"]], sort_keys=True)
    row = make_row(unit, kind, f"{unit}|{group}", request, context, reply) | {"source": source}
    checked = check_row(schema, _checkable(row), implied)
    if checked.faults:
        rule, fault = next(iter(checked.faults.items()))
        return _reject(ask, source, f"breaks the rule {rule}", item, fault)
    return row


def _checkable(row: Row) -> CheckedRow:
    keys = ("unit", "kind", "source", "group", "instruction", "context", "output")
    return CheckedRow(**{key: row[key] for key in keys})


def _reject(ask: Ask, source: str, reason: str, item: Any, detail: str = "") -> Row:
    return {"unit": ask.unit, "source": source, "item": item, "reason": reason, "detail": detail}
