"""The human-phrased rows: ``schemas/<cli>.eval.jsonl`` (format in docs/architecture.md).

Check a file while writing it::

    python -m clitron_dagster.evaluate.human_rows schemas/git.yaml [ROWS.jsonl]

prints every fault with its line, then every doubtful place, then what the rows cover; exits with 1
if there is a fault.
"""

from __future__ import annotations

import argparse
import json
import sys
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from clitron_dagster.answer import Answer, normalize, problems
from clitron_dagster.errors import ClitronError
from clitron_dagster.evaluate.rows import CLARIFICATION_CASES, EvalRow, RowsError, unit_key
from clitron_dagster.prompt import MAX_REQUEST_CHARS, RequestError, context_items
from clitron_dagster.schema import Schema, load_schema
from clitron_dagster.validate.rows import eval_file

_ROW_KEYS = {"id", "nl", "context", "answer", "accept", "tags"}
_COMMAND_KEYS = {"type", "command", "subcommand", "args", "flags"}
MAX_BYTES = 8 * 1024 * 1024


@dataclass
class Checked:
    """What a file of human rows holds: sound rows, faults and doubts (each ``(line, text)``)."""

    rows: list[EvalRow] = field(default_factory=list)
    faults: list[tuple[int, str]] = field(default_factory=list)
    doubts: list[tuple[int, str]] = field(default_factory=list)


def load_human_rows(schema: Schema, file: Path) -> tuple[list[EvalRow], str | None]:
    """Rows in the file's order, and a note for the report when there is no file.

    Raises:
        RowsError: the file has faults; the text lists all of them, one a line.
    """
    if not file.exists():
        return [], f"there are no human-phrased rows: {file} is missing"
    checked = check_file(schema, file)
    if checked.faults:
        raise RowsError("\n".join(f"{file}:{line}: {text}" for line, text in checked.faults))
    return checked.rows, None


def check_file(schema: Schema, file: Path) -> Checked:
    """Check every line of a file.

    Raises:
        RowsError: the file cannot be read, is not UTF-8, or is larger than 8 MiB.
    """
    try:
        data = file.read_bytes()
        text = data.decode("utf-8")
    except OSError as error:
        raise RowsError(f"{file}: cannot be read ({error.strerror}); check the path") from error
    except UnicodeDecodeError as error:
        raise RowsError(f"{file}: not UTF-8 at byte {error.start}; save it as UTF-8") from error
    if len(data) > MAX_BYTES:
        raise RowsError(f"{file}: larger than {MAX_BYTES} bytes; human rows are a small file")
    checked = Checked()
    ids: dict[str, int] = {}
    requests: dict[tuple[str, str], int] = {}
    for number, line in enumerate(text.split("\n"), 1):
        if line.strip():
            _check_line(schema, line, number, checked, ids, requests)
    return checked


def _check_line(
    schema: Schema,
    line: str,
    number: int,
    checked: Checked,
    ids: dict[str, int],
    requests: dict[tuple[str, str], int],
) -> None:
    try:
        row = json.loads(line, object_pairs_hook=_no_duplicates, parse_constant=_no_constant)
    except (ValueError, RecursionError) as error:
        checked.faults.append((number, f"not JSON: {error}"))
        return
    faults = list(_row_faults(schema, row))
    if not faults:
        same_id = ids.setdefault(row["id"], number)
        same_request = requests.setdefault(_request_key(row), number)
        if same_id != number:
            faults.append(f"id `{row['id']}` stands already in line {same_id}")
        if same_request != number:
            faults.append(f"the same request and context stand already in line {same_request}")
    if faults:
        checked.faults += [(number, fault) for fault in faults]
        return
    checked.rows.append(_to_row(schema, row))
    checked.doubts += [(number, doubt) for doubt in _doubts(schema, row)]


def _no_duplicates(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    repeated = [key for key, count in Counter(key for key, _ in pairs).items() if count > 1]
    if repeated:
        raise ValueError(f"key `{repeated[0]}` is given twice in one object")
    return dict(pairs)


def _no_constant(name: str) -> Any:
    raise ValueError(f"`{name}` is no JSON value")


def _request_key(row: dict[str, Any]) -> tuple[str, str]:
    words = " ".join(row["nl"].split()).lower()
    return words, json.dumps(row.get("context"), sort_keys=True)


def _to_row(schema: Schema, row: dict[str, Any]) -> EvalRow:
    truth, *accept = (_clean(schema, a) for a in [row["answer"], *row.get("accept", [])])
    return EvalRow(
        id=row["id"],
        request=row["nl"],
        context=row.get("context"),
        truth=truth,
        accept=tuple(accept),
        unit=unit_key(truth),
        case=row["answer"].get("case", ""),
        tags=tuple(row.get("tags", [])),
    )


def _clean(schema: Schema, answer: Answer) -> Answer:
    if answer["type"] == "clarification":
        return {"type": "clarification"}
    clean: Answer = normalize(schema, answer)
    return clean


# -- rules ----------------------------------------------------------------------------------------


def _row_faults(schema: Schema, row: Any) -> Iterator[str]:
    if not isinstance(row, dict):
        yield "the line is not a JSON object"
        return
    for key in sorted(set(row) - _ROW_KEYS):
        yield f"unknown key `{key}`; a row has {', '.join(sorted(_ROW_KEYS))}"
    if not isinstance(row.get("id"), str) or not row["id"].strip():
        yield "`id` must be a text that is not empty"
    request = row.get("nl")
    if not isinstance(request, str) or not request.strip():
        yield "`nl` must be a text that is not empty"
    elif len(request) > MAX_REQUEST_CHARS:
        yield f"`nl` has {len(request)} characters; at most {MAX_REQUEST_CHARS} fit"
    try:
        context_items(schema, row.get("context"))
    except RequestError as error:
        yield str(error)
    tags = row.get("tags", [])
    if not isinstance(tags, list) or not all(isinstance(tag, str) for tag in tags):
        yield "`tags` must be a list of texts"
    if "answer" not in row:
        yield "`answer` is missing"
    else:
        yield from _answer_faults(schema, row["answer"], "answer")
    accept = row.get("accept", [])
    if not isinstance(accept, list):
        yield "`accept` must be a list of answers"
        return
    for index, answer in enumerate(accept):
        yield from _answer_faults(schema, answer, f"accept[{index}]")


def _answer_faults(schema: Schema, answer: Any, where: str) -> Iterator[str]:
    if not isinstance(answer, dict):
        yield f"{where}: not a JSON object"
        return
    if answer.get("type") == "clarification":
        for key in sorted(set(answer) - {"type", "case"}):
            yield f"{where}: a clarification has only `type` and `case`, not `{key}`"
        if answer.get("case") not in CLARIFICATION_CASES and (
            where == "answer" or "case" in answer
        ):
            wanted = ", ".join(CLARIFICATION_CASES)
            yield f"{where}: case is {answer.get('case')!r}, not one of {wanted}"
        return
    for key in sorted(set(answer) - _COMMAND_KEYS):
        yield f"{where}: unknown key `{key}`; a command has {', '.join(sorted(_COMMAND_KEYS))}"
    for problem in problems(schema, answer):
        yield f"{where}: {problem}"


def _doubts(schema: Schema, row: dict[str, Any]) -> Iterator[str]:
    """Places that are legal but look like slips: unseen context, defaults, values from nowhere."""
    facts = _facts(row.get("context"), "")
    for key in facts:
        if key not in schema.context:
            yield f"context `{key}` is unknown to the schema, so no model sees it"
    seen = " ".join([row["nl"], *(str(value) for value in facts.values())])
    for answer in [row["answer"], *row.get("accept", [])]:
        if answer["type"] != "command":
            continue
        unit = schema.unit(answer["command"], answer["subcommand"])
        assert unit is not None
        for name, value in answer["args"].items():
            arg = unit.arg(name)
            assert arg is not None
            if arg.default is not None and value == arg.default and not arg.required:
                yield f"`{name}` has its default {value!r}, which an answer leaves out"
            for item in value if isinstance(value, list) else [value]:
                if arg.type == "string" and str(item) not in seen:
                    yield f"`{name}`: {item!r} stands neither in the request nor in the context"


def _facts(context: Any, prefix: str) -> dict[str, Any]:
    if not isinstance(context, dict):
        return {}
    facts: dict[str, Any] = {}
    for key, value in context.items():
        if isinstance(value, dict):
            facts |= _facts(value, f"{prefix}{key}.")
        else:
            facts[f"{prefix}{key}"] = value
    return facts


# -- command line ---------------------------------------------------------------------------------


def summary(schema: Schema, rows: list[EvalRow]) -> str:
    """What the rows cover, as a few lines of text."""
    cases = Counter(row.case for row in rows if row.wants_clarification)
    units = Counter(row.unit for row in rows if row.unit)
    tags = Counter(tag for row in rows for tag in row.tags)
    unseen = [unit.key for unit in schema.units if unit.key not in units]
    lines = [
        f"{len(rows)} rows: {len(rows) - sum(cases.values())} commands, "
        f"{sum(cases.values())} clarifications, {sum(bool(r.context) for r in rows)} with context, "
        f"{sum(bool(r.accept) for r in rows)} with accepted alternatives",
        "clarifications: " + (", ".join(f"{k} {v}" for k, v in cases.most_common()) or "none"),
        f"units: {len(units)} of {len(schema.units)}; not asked for: {', '.join(unseen) or 'none'}",
        "tags: " + (", ".join(f"{k} {v}" for k, v in tags.most_common()) or "none"),
    ]
    return "\n".join(lines)


def main(argv: list[str] | None = None) -> int:
    parser = argparse.ArgumentParser(
        prog="python -m clitron_dagster.evaluate.human_rows",
        description="Check human-phrased evaluation rows against their schema.",
    )
    parser.add_argument("schema", type=Path, help="schemas/<cli>.yaml")
    parser.add_argument("rows", type=Path, nargs="?", help="default: <cli>.eval.jsonl beside it")
    options = parser.parse_args(argv)
    file: Path = options.rows or eval_file(options.schema)
    try:
        schema = load_schema(options.schema)
        checked = check_file(schema, file)
    except ClitronError as error:
        print(error, file=sys.stderr)
        return 1
    for line, text in checked.faults:
        print(f"{file}:{line}: {text}")
    for line, text in checked.doubts:
        print(f"{file}:{line}: doubtful: {text}")
    print(summary(schema, checked.rows))
    print(f"{len(checked.faults)} faults, {len(checked.doubts)} doubtful places")
    return 1 if checked.faults else 0


if __name__ == "__main__":
    sys.exit(main())
