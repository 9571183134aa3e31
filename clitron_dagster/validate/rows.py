"""Rows of the data stages (docs/architecture.md) and the files that they are read from.

Reads ``examples.jsonl`` of raw_examples, ``schemas/<cli>.examples.jsonl`` (curated: the author's
own requests with their answers) and the requests of ``schemas/<cli>.eval.jsonl``.
"""

from __future__ import annotations

import json
import shlex
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from clitron_dagster.answer import canonical, clarification, normalize
from clitron_dagster.argv import ArgvError, from_argv
from clitron_dagster.errors import ClitronError
from clitron_dagster.schema import Schema, digest

CURATED = "curated"  # beside the schema
FEEDBACK = "feedback"  # in the store
WRITTEN = (CURATED, FEEDBACK)  # sources of rows that a person wrote: trusted more than generated
EXAMPLES, EVAL, CALIBRATION = ".examples.jsonl", ".eval.jsonl", ".calibration.jsonl"
BESIDE_SCHEMA = (EXAMPLES, EVAL, CALIBRATION)  # suffixes of the files that stages read there
ROW_KEYS = ("unit", "kind", "source", "group", "instruction", "context", "output")
_TEXT_KEYS = ("unit", "kind", "source", "group", "instruction", "output")
_CURATED_KEYS = {
    "instruction",
    "request",
    "context",
    "output",
    "command",
    "subcommand",
    "args",
    "flags",
    "argv",
    "clarify",
    "case",
    "note",
}
_ANSWER_KEYS = ("output", "command", "argv", "clarify")  # fmt: skip


class RowsError(ClitronError):
    """A file of rows that cannot be read."""


@dataclass(frozen=True)
class Row:
    """One training example. ``output`` is an answer as JSON text, ``context`` null or an object.

    ``line`` is where a curated row stands in the author's file; it is not part of the row.
    """

    unit: str
    kind: str
    source: str
    group: str
    instruction: str
    context: dict[str, Any] | None
    output: str
    line: int = field(default=0, compare=False)

    @property
    def id(self) -> str:
        return row_id(self.instruction, self.context, self.output)

    def to_json(self) -> dict[str, Any]:
        return {"id": self.id, **{key: getattr(self, key) for key in ROW_KEYS}}


def row_id(instruction: str, context: dict[str, Any] | None, output: str) -> str:
    """Hash of what a model would be shown and taught."""
    return digest([instruction, context, output])


def read_jsonl(file: Path, remedy: str) -> Iterator[tuple[int, dict[str, Any]]]:
    """Yield ``(line number, object)`` for each line that is not blank.

    Raises:
        RowsError: no such file, not UTF-8, or a line that is no JSON object; ``remedy`` says what
            to do about it.
    """
    try:
        content = file.read_bytes()
    except FileNotFoundError:
        raise RowsError(f"{file}: there is no such file; {remedy}") from None
    except OSError as error:
        raise RowsError(f"{file}: cannot be read ({error.strerror}); {remedy}") from None
    yield from parse_jsonl(content, str(file), remedy)


def parse_jsonl(content: bytes, file: str, remedy: str) -> Iterator[tuple[int, dict[str, Any]]]:
    """As :func:`read_jsonl`, of what was read from ``file``."""
    try:
        text = content.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        bad_line = error.object.count(b"\n", 0, error.start) + 1
        raise RowsError(f"{file}:{bad_line}: byte {error.start} is not UTF-8; {remedy}") from None
    for number, line in enumerate(text.split("\n"), 1):
        if not line.strip():
            continue
        try:
            item = strict_json(line)
            json.dumps(item, ensure_ascii=False).encode()  # half a surrogate pair cannot be written
        except (ValueError, RecursionError) as error:
            raise RowsError(f"{file}:{number}: not JSON ({error}); {remedy}") from None
        if not isinstance(item, dict):
            raise RowsError(f"{file}:{number}: not a JSON object; {remedy}")
        yield number, item


def strict_json(text: str) -> Any:
    """Parse JSON without Python's NaN and Infinity, and without a key that stands twice.

    Raises:
        ValueError: the text is not JSON.
    """
    return json.loads(text, parse_constant=_no_constant, object_pairs_hook=_no_repeated_key)


def _no_constant(name: str) -> Any:
    raise ValueError(f"{name} is not JSON")


def _no_repeated_key(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    item = dict(pairs)
    if len(item) < len(pairs):
        raise ValueError("a key is given twice in one object")
    return item


def write_jsonl(file: Path, items: Iterable[dict[str, Any]]) -> None:
    text = "".join(json.dumps(item, ensure_ascii=False) + "\n" for item in items)
    file.write_text(text, encoding="utf-8", newline="\n")


def read_rows(file: Path, stage: str) -> list[Row]:
    """Rows that the asset ``stage`` wrote.

    Raises:
        RowsError: a line is not a row.
    """
    remedy = f"materialize `{stage}` again"
    rows = []
    for number, item in read_jsonl(file, remedy):
        missing = [key for key in _TEXT_KEYS if not isinstance(item.get(key), str)]
        context = item.get("context")
        if missing or not (context is None or isinstance(context, dict)):
            wrong = f"`{missing[0]}` is not text" if missing else "`context` is not an object"
            raise RowsError(f"{file}:{number}: {wrong}; {remedy}")
        rows.append(Row(context=context, **{key: item[key] for key in _TEXT_KEYS}))
    return rows


# -- the author's files beside the schema ---------------------------------------------------------


def curated_file(schema_file: Path) -> Path:
    """The author's own rows for training, beside the schema."""
    return schema_file.with_suffix(EXAMPLES)


def eval_file(schema_file: Path) -> Path:
    """Human-phrased rows to be measured with, never trained on."""
    return schema_file.with_suffix(EVAL)


def calibration_file(schema_file: Path) -> Path:
    """Rows that confidence is fitted on, in the form of the author's rows."""
    return schema_file.with_suffix(CALIBRATION)


def read_eval_requests(file: Path) -> list[tuple[int, str]]:
    """``(line, request)`` of the evaluation rows; empty without a file.

    Raises:
        RowsError: a line is no evaluation row.
    """
    remedy = "mend that line, or remove it"
    requests = []
    for number, item in read_jsonl(file, remedy) if file.exists() else ():
        if not isinstance(item.get("nl"), str):
            raise RowsError(f"{file}:{number}: the request `nl` is missing; {remedy}")
        requests.append((number, item["nl"]))
    return requests


def read_curated(schema: Schema, file: Path) -> list[Row]:
    """The author's own examples; empty without a file.

    A line is ``{"request" (or "instruction"), "context", …}`` with the answer in one of four ways:
    ``"argv": "git push --force"`` (the command line, long or short options); ``"clarify"``, the
    question to ask back; the answer's parts ``"command"``, ``"subcommand"``, ``"args"``, ``"flags"``;
    or the whole answer as ``"output"``. A clarification may name its ``"case"``. The answers are
    not checked here (see ``rules``), but for an ``argv``, which has to be a command of the schema.

    Raises:
        RowsError: a line has none of these shapes.
    """
    remedy = "mend that line, or remove it"
    rows = []
    for number, item in read_jsonl(file, remedy) if file.exists() else ():
        try:
            rows.append(_curated_row(schema, item, number))
        except (ValueError, RowsError) as error:
            raise RowsError(f"{file}:{number}: {error}; {remedy}") from None
    return rows


def _curated_row(schema: Schema, item: dict[str, Any], line: int) -> Row:
    unknown = sorted(set(item) - _CURATED_KEYS)
    if unknown:
        raise RowsError(f"`{unknown[0]}` is not a key of a curated row")
    instruction, context = item.get("request", item.get("instruction")), item.get("context")
    if not isinstance(instruction, str):
        raise RowsError("the `request` is missing")
    if not (context is None or isinstance(context, dict)):
        raise RowsError("the `context` is not an object")
    if sum(key in item for key in _ANSWER_KEYS) != 1:
        parts = "`command` with `subcommand`, `args` and `flags`"
        raise RowsError(f"give one of `argv`, `clarify`, `output`, or {parts}")
    answer = item["output"] if "output" in item else _answer_beside(schema, item)
    if isinstance(answer, str):
        answer = strict_json(answer)
    if not isinstance(answer, dict):
        raise RowsError("the `output` is not an object")
    answer = normalize(schema, answer)
    output = canonical(answer)
    return Row(
        unit=unit_of(schema, answer),
        kind=kind_of(answer, item.get("case")),
        source=CURATED,
        group=f"{CURATED}:{row_id(instruction, context, output)}",
        instruction=instruction,
        context=context,
        output=output,
        line=line,
    )


def _answer_beside(schema: Schema, item: dict[str, Any]) -> dict[str, Any]:
    if "argv" in item:
        argv = item["argv"]
        if not isinstance(argv, str):
            raise RowsError("`argv` is not text such as `git push --force`")
        try:
            return from_argv(schema, shlex.split(argv))
        except (ArgvError, ValueError) as error:  # ValueError: a quote that is not closed
            raise RowsError(f"argv: {error}") from None
    if "clarify" in item:
        return clarification(str(item["clarify"]), [])
    return {
        "type": "command",
        "command": item["command"],
        "subcommand": item.get("subcommand"),
        "args": item.get("args") or {},
        "flags": item.get("flags") or [],
    }


def unit_of(schema: Schema, answer: dict[str, Any]) -> str:
    """Key of the unit that a command runs, or that a clarification suggests alone; else ``""``."""
    target = answer
    if answer.get("type") == "clarification":
        suggestions = answer.get("suggestions")
        target = suggestions[0] if isinstance(suggestions, list) and len(suggestions) == 1 else {}
    if not isinstance(target, dict) or not isinstance(target.get("command"), str):
        return ""
    subcommand = target.get("subcommand")
    unit = schema.unit(target["command"], subcommand if isinstance(subcommand, str) else None)
    return unit.key if unit else ""


def kind_of(answer: dict[str, Any], case: str | None = None) -> str:
    if answer.get("type") == "clarification":
        return f"clarification:{case or 'unclear_intent'}"
    return "command"
