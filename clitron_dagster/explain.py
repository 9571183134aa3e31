"""What each part of a command does, by the schema's own words."""

from __future__ import annotations

from typing import Any

from clitron_dagster.schema import Schema


def explain(schema: Schema, answer: dict[str, Any]) -> list[tuple[str, str]]:
    """(what is written, what it does) for the command and each option of a legal answer."""
    unit = schema.unit(answer["command"], answer["subcommand"])
    if unit is None:
        return []
    lines = [(unit.key, unit.node.description or "no description in the schema")]
    for name, value in answer["args"].items():
        arg = unit.arg(name)
        shown = ", ".join(str(v) for v in value) if isinstance(value, list) else str(value)
        dashed = name if arg and arg.positional else f"{'-' if len(name) == 1 else '--'}{name}"
        lines.append((f"{dashed} {shown}", (arg.description if arg else "") or name))
    for name in answer["flags"]:
        flag = unit.flag(name)
        dashed = f"{'-' if len(name) == 1 else '--'}{name}"
        lines.append((dashed, (flag.description if flag else "") or name))
    return lines
