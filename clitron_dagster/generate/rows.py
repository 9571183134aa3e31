"""Small parts that all makers of rows share: the row itself, random streams, command names."""

from __future__ import annotations

import hashlib
from random import Random
from typing import Any

from clitron_dagster import answer
from clitron_dagster.schema import Schema, digest

Row = dict[str, Any]  # docs/architecture.md


def make_row(
    unit: str,
    kind: str,
    group: str,
    text: str,
    context: dict[str, Any] | None,
    reply: answer.Answer,
) -> Row:
    output = answer.canonical(reply)
    return {
        "id": digest([text, context, output]),
        "unit": unit,
        "kind": kind,
        "source": "offline",
        "group": digest(group),
        "instruction": text,
        "context": context,
        "output": output,
    }


def stream(seed: int, *names: object) -> Random:
    """A random stream of its own for (seed, names), the same on every machine."""
    text = "\0".join(str(name) for name in (seed, *names))
    return Random(int.from_bytes(hashlib.blake2b(text.encode(), digest_size=8).digest(), "big"))


def command_names(schema: Schema) -> frozenset[str]:
    """Single words that name a command anywhere in the CLI."""
    return frozenset(
        word for unit in schema.units for name in unit.path for word in (name, *name.split("-"))
    )


def items_of(value: Any) -> list[Any]:
    """A list's items, or the value alone; none of a boolean, which no text has to name."""
    if isinstance(value, bool):
        return []
    return value if isinstance(value, list) else [value]


def plain(text: str) -> str:
    """A request without case and closing marks: what two wordings are the same by."""
    return text.lower().rstrip("?!. ")
