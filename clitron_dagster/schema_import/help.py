"""Walk a program's help pages and make a schema of them.

``walk("gh", "gh")`` asks ``gh --help``, then every subcommand that a page lists, several at a time.
Where a program has no ``CMD --help``, ``CMD -h`` and ``help CMD`` are tried; ``git help -a`` lists
the commands of git. A page is data: it is read, never followed but for the commands it lists, and
their number and depth are bounded.
"""

from __future__ import annotations

import os
import shlex
import shutil
import sys
import tempfile
import time
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from clitron_dagster.schema_import.help_node import command_node, option_nodes
from clitron_dagster.schema_import.help_run import TIMEOUT_SECONDS, HelpError
from clitron_dagster.schema_import.help_walk import WORKERS, Visit, Walker

Node = dict[str, Any]


@dataclass
class Walk:
    """What a walk found. ``schema`` is in the schema file's format, not yet tidied."""

    schema: Node
    pages: int
    seconds: float
    notes: list[str]


def read(source: str, name: str) -> Node:
    """Schema of the CLI ``name`` from the help of ``source``: a program, its path, or a command
    line that starts it (``python -m pip``); ``name`` itself where it is empty.

    Raises:
        HelpError: there is no such program, it shows no help, or it has no subcommands.
    """
    return walk(source, name).schema


def walk(
    source: str,
    name: str,
    *,
    only: Iterable[str] = (),
    timeout: float = TIMEOUT_SECONDS,
    workers: int = WORKERS,
) -> Walk:
    """Like :func:`read`, with what it took. ``only`` limits the walk to these commands;
    ``timeout`` (seconds) is for each page.

    Raises:
        HelpError: as :func:`read`, or ``only`` names a command that the program does not list.
    """
    start = time.monotonic()
    argv = find_program(source or name)
    with tempfile.TemporaryDirectory(prefix="clitron-help-", ignore_cleanup_errors=True) as folder:
        walker = Walker(argv, name, Path(folder), timeout, max(1, min(workers, WORKERS)))
        root = walker.walk(tuple(only))
    commands = _nodes(root.children, name, walker.notes)
    if not commands:
        raise HelpError(f"the help of `{source or name}` could not be read into any command")
    description = root.page.description if root.page else ""
    schema = {"cli_name": name, "description": description, "commands": commands}
    return Walk(schema, walker.pages, time.monotonic() - start, walker.notes)


def find_program(source: str) -> list[str]:
    """The argument list that starts ``source``; beside this Python where it is not on the PATH.

    Raises:
        HelpError: there is no such program.
    """
    try:
        words = [source] if Path(source).is_file() else shlex.split(source)
    except ValueError:
        words = []
    if not words:
        raise HelpError(f"`{source}` names no program; write --from help:PROGRAM")
    beside = Path(sys.executable).parent / words[0]
    found = shutil.which(words[0]) or (str(beside) if os.access(beside, os.X_OK) else None)
    if found is None or (beside.is_dir() and found == str(beside)):
        raise HelpError(
            f"there is no program `{words[0]}` on the PATH; give its path: --from help:/path/to/it"
        )
    return [str(Path(found).absolute()), *words[1:]]


def _is_named(visit: Visit) -> bool:
    """Whether its page shows how to call it: ``git log -h`` and ``git show -h`` are one page."""
    usages = visit.page.usages if visit.page else []
    return any(usage.split()[1 : 1 + len(visit.path)] == list(visit.path) for usage in usages)


def _nodes(visits: list[Visit], program: str, notes: list[str]) -> list[Node]:
    """Nodes of the commands; one whose page is its sibling's, word by word, is an alias of it."""
    made: list[Node] = []
    by_text: dict[str, Node] = {}
    for visit in visits:
        shown = " ".join((program, *visit.path))
        if visit.problem == "unknown":
            notes.append(f"`{shown}` is listed, but the program does not know it; left out")
            continue
        if visit.text in by_text and not _is_named(visit):
            aliases = by_text[visit.text].setdefault("aliases", [])
            aliases += [visit.listed.name] if visit.listed.name not in aliases else []
            continue
        node = command_node(visit.listed, visit.page)
        if visit.page is None:  # it hung, was not asked any more, or showed no help (an error, say)
            node["unread"] = True  # a merge keeps what it knew of the command
        if children := _nodes(visit.children, program, notes):
            node["subcommands"] = children
        elif visit.page:
            args, flags = option_nodes(visit.page)
            node |= {key: value for key, value in (("args", args), ("flags", flags)) if value}
        made.append(node)
        if visit.text:
            by_text[visit.text] = node
    return made
