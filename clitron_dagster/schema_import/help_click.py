"""Help of Python programs on click, and on typer with its rich boxes.

Usage: app add [OPTIONS] NAME          ╭─ Options ─────────────────────────╮
Options:                               │ *  --name  -n  TEXT  Its name     │
  -n, --name TEXT  Its name            ╰───────────────────────────────────╯
"""

from __future__ import annotations

import re
from collections.abc import Sequence

from clitron_dagster.schema_import.help_common import description_of, listed, positionals_of
from clitron_dagster.schema_import.help_layout import Page, Positional, blocks, entries, usage_lines
from clitron_dagster.schema_import.help_option import describe, options_of
from clitron_dagster.schema_import.help_usage import name_of

_METAVAR = re.compile(r"[A-Z][A-Z0-9_ |]*(?:[<>=x0-9]*)?|<.+>|\[.+\](?:\.\.\.)?|\{.+\}")


def matches(text: str) -> bool:
    return "╭─" in text or (
        bool(re.search(r"^\s{0,2}Usage: .*\[OPTIONS\]", text, re.MULTILINE))
        and ("Show this message and exit" in text)
    )


def parse(text: str, path: Sequence[str]) -> Page:
    """The page of ``path`` (program and commands)."""
    found = blocks(unboxed(text) if "╭─" in text else text)
    options = options_of(found)
    usages = usage_lines(found)
    described = {
        name_of(head.split()[0]): describe(description)
        for block in found
        if block.title.lower() == "arguments"
        for head, description in entries(block.lines, lambda line: bool(re.match(r"[\w\[<]", line)))
    }
    positionals = [_described(p, described) for p in positionals_of(usages, path, options)]
    return Page(
        description=description_of(found),
        usages=usages,
        commands=listed(found),
        options=options,
        positionals=positionals,
    )


def _described(positional: Positional, described: dict[str, str]) -> Positional:
    positional.description = described.get(positional.name, "")
    return positional


def unboxed(text: str) -> str:
    """A page with rich's boxes as click writes it without them."""
    lines = []
    for line in text.split("\n"):
        bare = line.strip()
        if title := re.fullmatch(r"╭─+\s?(.*?)\s?─*╮", bare):
            lines.append(f"{title[1]}:")
        elif bare.startswith("│"):
            lines.append(_row(bare.strip("│").rstrip()))
        elif not bare.startswith("╰"):
            lines.append(line.removeprefix(" "))
    return "\n".join(lines)


def _row(row: str) -> str:
    """``*  --name  -n  TEXT  Its name`` → ``  -n, --name TEXT  Its name  [required]``."""
    required = row.strip().startswith("*")
    cells = re.split(r"\s{2,}", row.strip().removeprefix("*").strip())
    if len(row) - len(row.lstrip()) > 12:
        return " " * 12 + "  ".join(cells)  # the description goes on
    names = []
    while cells and cells[0].startswith("-"):
        names += re.split(r",\s*", cells.pop(0))
    metavar = cells.pop(0) if cells and _METAVAR.fullmatch(cells[0]) and names else ""
    if metavar.lower() in ("<bool>", "boolean", "bool"):
        metavar = ""
    note = "  [required]" if required else ""
    if not names:
        if cells[1:] and _METAVAR.fullmatch(cells[1]):  # the type of an argument
            del cells[1]
        return "  " + "  ".join(cells) + note
    positive = [name for name in names if not name.startswith("--no-")]
    negative = [name for name in names if name.startswith("--no-")]
    spelled = ", ".join(sorted(positive, key=len)) + "".join(f" / {name}" for name in negative[:1])
    return f"  {spelled}{' ' + metavar if metavar else ''}  {'  '.join(cells)}{note}"
