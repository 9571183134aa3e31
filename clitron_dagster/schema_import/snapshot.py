"""``<cli>.imported.json``: what a CLI said at the last import, and where it was read from."""

from __future__ import annotations

import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from clitron_dagster.schema_import.changes import strip

Node = dict[str, Any]


def snapshot_file(file: Path) -> Path:
    return file.with_name(f"{file.stem}.imported.json")


def last_source(file: Path) -> str | None:
    """Where the import before read from; None where there was none. It is data that may have come
    with the schema from anybody: see :func:`runs_what_it_names`."""
    source = (load_snapshot(file) or {}).get("source")
    return source if isinstance(source, str) and source else None


def runs_what_it_names(source: str) -> bool:
    """Whether reading a source runs a program or code that the source itself names: all but plain
    ``help``, which asks the CLI that the user names, and ``usage:FILE``, which is only read."""
    return source != "help" and not source.startswith("usage:")


def load_snapshot(file: Path) -> Node | None:
    """``{"source", "schema"}`` of the import before; None where there is none to read."""
    try:
        found: Any = json.loads(snapshot_file(file).read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return None
    good = isinstance(found, dict) and isinstance(found.get("schema"), dict)
    return found if good and isinstance(found["schema"].get("commands"), list) else None


def dump_snapshot(source: str, schema: Node, base: Node | None, only: Sequence[str] = ()) -> str:
    """The snapshot, a command to a line; what was not read this time stays as it was."""
    if base is not None:
        before = {command["name"]: command for command in base["commands"]}
        read = {command["name"]: command for command in _remembered(schema["commands"], before)}
        rest = [c for c in base["commands"] if only and c["name"] not in only]
        schema = {**schema, "commands": [*rest, *read.values()]}
    lines = ",\n".join(json.dumps(c, ensure_ascii=False) for c in strip(schema)["commands"])
    head = {k: v for k, v in schema.items() if k != "commands"}
    start = json.dumps(head, ensure_ascii=False)[:-1]
    place = json.dumps(source, ensure_ascii=False)
    return f'{{"source": {place},\n"schema": {start}, "commands": [\n{lines}\n]}}}}\n'


def _remembered(nodes: list[Node], before: dict[str, Node]) -> list[Node]:
    """Commands with those whose help could not be read as they were known."""
    made = []
    for node in nodes:
        known = before.get(node["name"])
        if known and node.get("unread"):
            said = node.get("description")  # by its group's list
            made.append({**known, "description": said} if said else known)
        elif known and node.get("subcommands"):
            below = {child["name"]: child for child in known.get("subcommands") or ()}
            made.append({**node, "subcommands": _remembered(node["subcommands"], below)})
        else:
            made.append(node)
    return made
