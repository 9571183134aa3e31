"""The rows a model is judged on, in one form for both row sets."""

from __future__ import annotations

import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from clitron_dagster.answer import Answer, normalize
from clitron_dagster.errors import ClitronError
from clitron_dagster.schema import Schema

CLARIFICATION_CASES = (
    "ambiguous_command",
    "missing_arg",
    "unclear_intent",
    "off_topic",
    "multiple_interpretations",
    "ambiguous_typo",
)


class RowsError(ClitronError):
    """A file of evaluation rows that cannot be used."""


@dataclass(frozen=True)
class EvalRow:
    """A request with its right answer.

    ``truth`` and ``accept`` are normalized answers (a clarification may be no more than its type);
    ``unit`` is the key of the truth's unit or ``""``; ``case`` is a clarification's case or ``""``.
    """

    id: str
    request: str
    context: dict[str, Any] | None
    truth: Answer
    accept: tuple[Answer, ...] = ()
    unit: str = ""
    case: str = ""
    tags: tuple[str, ...] = ()

    @property
    def answers(self) -> tuple[Answer, ...]:
        """Every right answer, the main one first."""
        return (self.truth, *self.accept)

    @property
    def wants_clarification(self) -> bool:
        return self.truth.get("type") == "clarification"


def unit_key(answer: Answer) -> str:
    """``pr merge`` for a command answer, ``""`` for a clarification."""
    if answer.get("type") != "command":
        return ""
    return f"{answer['command']} {answer['subcommand'] or ''}".strip()


def load_test_rows(schema: Schema, file: Path) -> list[EvalRow]:
    """Rows of a split (docs/architecture.md) as evaluation rows.

    Raises:
        RowsError: a line is no row of a split.
    """
    rows = []
    for number, line in enumerate(file.read_text(encoding="utf-8").split("\n"), 1):
        if not line.strip():
            continue
        try:
            row = json.loads(line)
            truth = normalize(schema, json.loads(row["output"]))
            case = row["kind"].partition(":")[2]
            unit = row["unit"] or unit_key(truth)
            rows.append(
                EvalRow(
                    id=str(row["id"]),
                    request=row["instruction"],
                    context=row.get("context"),
                    truth=truth,
                    unit=unit,
                    case=case,
                )
            )
        except (ValueError, KeyError, TypeError, AttributeError) as error:
            problem = f"{file}:{number}: not a row of a split ({error!r})"
            raise RowsError(f"{problem}; materialize `splits` again") from error
    return rows
