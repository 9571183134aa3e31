"""Import a CLI's schema: read a source, tidy it, merge it into the file that is there, write both.

Beside ``<cli>.yaml`` lies ``<cli>.imported.json``: what the CLI said at that import and where from.
It tells the next import what people changed since, and what the CLI did.
"""

from __future__ import annotations

import os
import tempfile
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import yaml

from clitron_dagster.errors import ClitronError
from clitron_dagster.schema.load import SchemaError, load_schema
from clitron_dagster.schema.model import Schema
from clitron_dagster.schema_import.changes import Change, Merged, strip
from clitron_dagster.schema_import.comments import lost
from clitron_dagster.schema_import.help_run import TIMEOUT_SECONDS
from clitron_dagster.schema_import.merge import merge
from clitron_dagster.schema_import.snapshot import dump_snapshot, load_snapshot, snapshot_file
from clitron_dagster.schema_import.splice import splice
from clitron_dagster.schema_import.tidy import tidy
from clitron_dagster.schema_import.write import to_yaml

KINDS = ("help", "python", "usage", "fig")
Node = dict[str, Any]


class ImportFailed(ClitronError):
    """An import that cannot be done, or whose result would be no sound schema."""


@dataclass(frozen=True)
class Imported:
    """What a source says: a tidied schema, and for ``help`` the pages it took."""

    source: str
    schema: Node
    notes: list[str] = field(default_factory=list)
    pages: int = 0
    seconds: float = 0.0


@dataclass(frozen=True)
class Update:
    """A schema file as it would be after the import; nothing is written yet.

    ``lost_comments`` are those (line, comment) that ``text`` no longer has. Where ``layout_kept``
    they went with what was removed; else the file is written anew, and :func:`save` refuses that.
    """

    file: Path
    text: str
    snapshot: str
    merged: Merged
    is_new: bool
    layout_kept: bool
    lost_comments: list[tuple[int, str]] = field(default_factory=list)


def collect(
    source: str, name: str, *, only: Sequence[str] = (), timeout: float = TIMEOUT_SECONDS
) -> Imported:
    """Read ``help``, ``help:PROGRAM``, ``python:MODULE:OBJECT``, ``usage:FILE`` or ``fig:PATH``.

    Raises:
        ClitronError: the source is not there, or says nothing that can be used.
    """
    kind, _, rest = source.partition(":")
    if kind not in KINDS or (kind != "help" and not rest):
        raise ImportFailed(
            f"`{source}` is no source; write help, help:PROGRAM, python:MODULE:OBJECT, "
            "usage:FILE or fig:PATH"
        )
    started = time.monotonic()
    pages, notes = 0, []
    if kind == "help":
        from clitron_dagster.schema_import.help import walk

        walked = walk(rest, name, only=only, timeout=timeout)
        tree, pages, notes = walked.schema, walked.pages, walked.notes
    else:
        tree = _reader(kind)(rest, name)
        if only:
            tree["commands"] = [c for c in tree["commands"] if c.get("name") in only]
    schema, left_out = tidy(tree)
    if not schema["commands"]:
        raise ImportFailed(f"`{source}` names no command that a schema can hold")
    return Imported(source, schema, [*notes, *left_out], pages, time.monotonic() - started)


def _reader(kind: str) -> Callable[[str, str], Node]:
    from clitron_dagster.schema_import import fig, python_objects, usage_spec

    return {"python": python_objects.read, "usage": usage_spec.read, "fig": fig.read}[kind]


def plan(
    file: Path, imported: Imported, *, only: Sequence[str] = (), overwrite: bool = False
) -> Update:
    """Merge ``imported`` into ``file``; writes nothing. ``only`` leaves other commands untouched.

    Raises:
        ImportFailed: the result would not load.
        SchemaError: what is there now does not load.
    """
    new = imported.schema
    snapshot = load_snapshot(file)
    if not file.exists():
        merged = Merged(strip(new), merge({**new, "commands": []}, new).changes)
        header = [
            f"Imported with `clitron schema import {file.stem} --from {imported.source}`.",
            "What you add (natural_language, examples, effect, semantic …) stays at the next import.",
        ]
        text = to_yaml(merged.schema, header)
        _check(file, text)
        return Update(
            file, text, dump_snapshot(imported.source, new, None, only), merged, True, True
        )
    load_schema(file)
    text = file.read_text(encoding="utf-8-sig")
    old = yaml.safe_load(text)
    base = snapshot["schema"] if snapshot else None
    merged = merge(
        _part(old, only), _part(new, only), base and _part(base, only), overwrite=overwrite
    )
    if only:
        merged.schema["commands"] = _whole(old["commands"], merged.schema["commands"], only)
    _drop_broken_examples(merged)
    spliced = text if merged.schema == old else splice(text, merged.schema)
    result = spliced if spliced is not None else _anew(text, merged.schema)
    _check(file, result)
    made = dump_snapshot(imported.source, new, base, only)
    gone = lost(text, result) if result != text else []
    return Update(file, result, made, merged, False, spliced is not None, gone)


def save(update: Update) -> None:
    """Write the schema and its snapshot, each whole or not at all.

    Raises:
        ImportFailed: the file would have to be written anew, and lose comments.
    """
    if update.lost_comments and not update.layout_kept:
        line, comment = update.lost_comments[0]
        more = len(update.lost_comments) - 1
        where = f"line {line}: {comment}" + (f" and {more} more" if more else "")
        raise ImportFailed(
            f"{update.file}: it would be written anew, without its comments ({where}), so nothing "
            "was written; move them to the top of the file, or take over by hand what "
            "`--output -` prints"
        )
    for file, text in ((update.file, update.text), (snapshot_file(update.file), update.snapshot)):
        file.parent.mkdir(parents=True, exist_ok=True)
        handle, name = tempfile.mkstemp(dir=file.parent, prefix=f".{file.name}.")
        with os.fdopen(handle, "w", encoding="utf-8") as stream:
            stream.write(text)
        Path(name).chmod(file.stat().st_mode & 0o777 if file.exists() else 0o644)
        Path(name).replace(file)


def _part(schema: Node, only: Sequence[str]) -> Node:
    commands = [c for c in schema.get("commands") or () if not only or c["name"] in only]
    return {**schema, "commands": commands}


def _whole(old: list[Node], made: list[Node], only: Sequence[str]) -> list[Node]:
    """Commands in the old order, those of ``only`` as merged, new ones last."""
    merged = {command["name"]: command for command in made}
    kept = [merged.get(c["name"], c) for c in old if c["name"] not in only or c["name"] in merged]
    there = {command["name"] for command in kept}
    return [*kept, *(command for command in made if command["name"] not in there)]


def _drop_broken_examples(merged: Merged) -> None:
    """An example that the CLI's new facts made illegal cannot stay; say which."""
    from clitron_dagster.answer import command_answer, problems

    schema = Schema.model_validate(merged.schema)
    nodes = {path: node for command in merged.schema["commands"] for path, node in _leaves(command)}
    for unit in schema.units:
        node = nodes[unit.path]
        good = []
        for raw, example in zip(node.get("examples") or (), unit.node.examples, strict=True):
            answer = command_answer(schema, unit, example.args, list(example.flags))
            if found := next(iter(problems(schema, answer)), None):
                what = f'{" ".join(unit.path)} example "{example.request}"'
                merged.changes.append(Change("removed", what, found))
            else:
                good.append(raw)
        if len(good) < len(node.get("examples") or ()):
            node["examples"] = good
            if not good:
                del node["examples"]


def _leaves(node: Node, path: tuple[str, ...] = ()) -> list[tuple[tuple[str, ...], Node]]:
    here = (*path, node["name"])
    children = node.get("subcommands") or ()
    return [leaf for child in children for leaf in _leaves(child, here)] or [(here, node)]


def _anew(text: str, schema: Node) -> str:
    """The whole file written anew; of its comments only those at its top stay."""
    header = []
    for line in text.splitlines():
        if line.startswith("#"):
            header.append(line[1:].removeprefix(" "))
        elif line.strip():
            break
    return to_yaml(schema, header)


def _check(file: Path, text: str) -> None:
    """Refuse a result that would not load, before anything is written."""
    with tempfile.TemporaryDirectory(prefix="clitron-import-") as folder:
        trial = Path(folder) / file.name
        trial.write_text(text, encoding="utf-8")
        try:
            load_schema(trial)
        except SchemaError as error:
            where = str(error).replace(str(trial), file.name)
            raise ImportFailed(
                f"the import would not make a sound schema, so nothing was written: {where}"
            ) from None
