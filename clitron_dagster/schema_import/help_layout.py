"""The layout that help pages share: titled blocks, and two-column entries with descriptions.

Options:
  -f, --force     Overwrite what is there;
                  a second line of the same description
  --output FILE
      A description below its entry
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from itertools import takewhile

MAX_DESCRIPTION = 160
_TITLE = re.compile(r"^(\S.{0,70}?):\s*$")
_CAPITALS = re.compile(r"^[A-Z][A-Z0-9 /&()'-]{2,50}$")
_USAGE = re.compile(r"^\s{0,2}usage(?::|$)\s*(.*)$", re.IGNORECASE)
_PROSE = ("example", "learn more", "note", "description", "environment", "json fields", "see also")


@dataclass
class Option:
    """One option as a page shows it, before it becomes an arg or a flag of the schema."""

    longs: list[str] = field(default_factory=list)
    shorts: list[str] = field(default_factory=list)
    negations: list[str] = field(default_factory=list)  # --no-color beside --color
    metavar: str = ""  # as written, without brackets; empty for a boolean
    choices: list[str] = field(default_factory=list)
    optional_value: bool = False  # --color[=WHEN]: the value must be attached
    repeatable: bool = False
    required: bool = False
    default: str | None = None
    description: str = ""


@dataclass
class Positional:
    """A positional of a usage line, or of a block that lists them."""

    name: str
    required: bool = True
    repeatable: bool = False
    separator: bool = False
    choices: list[str] = field(default_factory=list)
    description: str = ""
    metavar: str = ""  # where it is not the name: alternatives such as <number>|<url>


@dataclass
class Listed:
    """A subcommand that a page lists."""

    name: str
    description: str = ""
    aliases: list[str] = field(default_factory=list)


@dataclass
class Page:
    """What one help page says."""

    description: str = ""
    usages: list[str] = field(default_factory=list)
    commands: list[Listed] = field(default_factory=list)
    options: list[Option] = field(default_factory=list)
    positionals: list[Positional] = field(default_factory=list)
    aliases: list[str] = field(default_factory=list)


@dataclass
class Block:
    """Lines under one title; the first block has none. A usage block's title is ``usage``."""

    title: str
    lines: list[str] = field(default_factory=list)

    @property
    def is_prose(self) -> bool:
        """Whether lines that look like options are only spoken of here."""
        return self.title.lower().startswith(_PROSE)


def indent(line: str) -> int:
    return len(line) - len(line.lstrip())


def blocks(text: str) -> list[Block]:
    """Split a page at its titles (``Options:``, ``CORE COMMANDS``, ``Commit options``)."""
    lines = text.split("\n")
    found = [Block("")]
    for index, line in enumerate(lines):
        usage = _USAGE.match(line)
        if usage and not any(block.title == "usage" for block in found):
            found.append(Block("usage", [usage[1]] if usage[1] else []))
        elif title := _title(lines, index):
            found.append(Block(title))
        elif line and not line[0].isspace() and found[-1].title not in ("", "usage"):
            found.append(Block("", [line]))  # back at the margin: the block is over
        elif not line and found[-1].title == "usage" and any(found[-1].lines):
            found.append(Block(""))
        else:
            found[-1].lines.append(line)
    return found


def _title(lines: list[str], index: int) -> str:
    line = lines[index]
    if line[:1].isspace() or line.startswith("-"):
        return ""
    if match := _TITLE.match(line):
        return match[1]
    if _CAPITALS.match(line):
        return line
    alone = index == 0 or not lines[index - 1].strip()
    below = next((below for below in lines[index + 1 : index + 9] if below.strip()), "")
    short = 0 < len(line.split()) <= 6 and line[0].isupper() and line[-1] not in ".,;!?"
    return line if alone and short and indent(below) >= 2 else ""


def usage_lines(page: list[Block]) -> list[str]:
    """Every way to call the command: wrapped lines joined, ``or:`` ones apart."""
    block = next((block for block in page if block.title == "usage"), None)
    if block is None:
        return []
    lines = block.lines
    while lines and not lines[0].strip():
        lines = lines[1:]
    first = list(takewhile(str.strip, lines))
    margin = min((indent(line) for line in first[1:]), default=0)
    found: list[str] = []
    for line in first:
        other = re.match(r"\s*or:?\s+(\S.*)$", line)
        if other or not found or (_same_program(found[0], line) and indent(line) <= margin):
            found.append(other[1] if other else line.strip())
        else:
            found[-1] += " " + line.strip()
    return found


def _same_program(first: str, line: str) -> bool:
    return first.split()[:1] == line.split()[:1]


def entries(lines: list[str], starts: Callable[[str], bool]) -> Iterator[tuple[str, str]]:
    """(head, description) of each entry; ``starts`` says whether a stripped line begins one.

    Options without a short name stand four columns further in, descriptions much further.
    """
    margins = [indent(line) for line in lines if line.strip() and starts(line.strip())]
    margin = min(margins, default=0)
    head, at = "", 0
    below: list[str] = []
    for line in lines:
        stripped = line.strip()
        if stripped and starts(stripped) and indent(line) <= margin + 4:
            if head:
                yield head, "\n".join(below).strip()
            stripped = re.sub(r"^(-\w)\s{2,}(?=--\w)", r"\1, ", stripped)
            head, *rest = re.split(r"\s{2,}", stripped, maxsplit=1)
            below, at = rest, indent(line)
        elif head and stripped and indent(line) <= at:
            yield head, "\n".join(below).strip()
            head = ""
        elif head:
            below.append(stripped)
    if head:
        yield head, "\n".join(below).strip()


def summary(text: str) -> str:
    """The first sentence or line of a description, at most ``MAX_DESCRIPTION`` characters."""
    paragraph = re.split(r"\n\s*\n|\n(?=[-*•] )", text.strip(), maxsplit=1)[0]
    words = " ".join(paragraph.split())
    sentence = re.match(r"(.{12,}?[^.\s]{2}\.)(?=\s+[A-Z(\"'`])", words)
    words = (sentence[1] if sentence else words).strip().rstrip(".:;,")
    if len(words) <= MAX_DESCRIPTION:
        return words
    return words[: MAX_DESCRIPTION - 1].rsplit(" ", 1)[0].rstrip(".,;:(") + "…"
