"""What the readers of help styles share: listed commands, aliases, the description, positionals."""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence

from clitron_dagster.schema_import.help_layout import (
    Block,
    Listed,
    Option,
    Positional,
    entries,
    summary,
)
from clitron_dagster.schema_import.help_usage import parse_usage, positionals

_COMMANDS = re.compile(r"\b(sub-?)?commands?\b", re.IGNORECASE)
_NOT_COMMANDS = re.compile(r"alias|topic|example|environment|\buse\b|\brun\b", re.IGNORECASE)
_COMMAND = re.compile(r"[A-Za-z0-9][\w.-]*\*?(?:,\s?[\w.-]+)*:?(?:\s{2,}\S.*|\s*)")
NO_COMMANDS = frozenset({"help", "..."})


def lists_commands(block: Block) -> bool:
    return bool(_COMMANDS.search(block.title)) and not _NOT_COMMANDS.search(block.title)


def listed(blocks: Iterable[Block]) -> list[Listed]:
    """Subcommands of the blocks whose title says so: ``build, b   Compile the package``."""
    found: dict[str, Listed] = {}
    for block in filter(lists_commands, blocks):
        lines = [re.sub(r"^(\s+[\w.-]+): (?=\S)", r"\1:  ", line) for line in block.lines]
        for head, description in entries(lines, lambda line: bool(_COMMAND.fullmatch(line))):
            command = read_listed(head, description)
            if command.name not in NO_COMMANDS:
                found.setdefault(command.name, command)
    return list(found.values())


def read_listed(head: str, description: str) -> Listed:
    """A command from its entry; aliases stand behind a comma, in brackets, or in the text."""
    names = re.findall(r"[A-Za-z0-9][\w.-]*", head.rstrip(":*"))
    flat = " ".join(description.split())
    noted = re.search(r"\[(?:visible )?alias(?:es)?: ([^\]]+)\]", flat)
    aliases = [*names[1:], *(re.findall(r"[\w.-]+", noted[1]) if noted else ())]
    flat = re.sub(r"\s*\[(?:visible )?alias(?:es)?: [^\]]+\]", "", flat)
    return Listed(names[0] if names else "...", summary(flat), list(dict.fromkeys(aliases)))


def aliases_of(blocks: Iterable[Block], path: Sequence[str]) -> list[str]:
    """Other names under the same group: ``ALIASES / gh pr new``; those of other groups are not."""
    found: list[str] = []
    for block in blocks:
        if block.title.lower() in ("aliases", "alias"):
            for words in (part.split() for part in re.split(r"[,\n]", "\n".join(block.lines))):
                if words[-1:] != list(path[-1:]) and (
                    len(words) == 1 or words[:-1] == list(path[:-1])
                ):
                    found += words[-1:]
    return list(dict.fromkeys(found))


def description_of(blocks: Sequence[Block]) -> str:
    """The first paragraph above the usage, else the one below it."""
    for block in blocks:
        text = "\n".join(line.strip() for line in block.lines).strip()
        if not block.title and text and not text.startswith("-"):
            return summary(text)
    told = (b for b in blocks if b.title.lower() == "description" and any(b.lines))
    return summary("\n".join(line.strip() for block in told for line in block.lines))


def positionals_of(
    usages: Sequence[str], path: Sequence[str], options: Iterable[Option], *, bare: bool = True
) -> list[Positional]:
    """The positionals of the fullest way to call; required are as many as every way requires."""
    booleans = frozenset(
        name
        for option in options
        if not option.metavar or option.optional_value
        for name in (*(f"--{n}" for n in (*option.longs, *option.negations)), *_dashed(option))
    )
    ways = [
        positionals(parse_usage(without_path(usage, path)), booleans, bare=bare) for usage in usages
    ]
    if not ways:
        return []
    fullest = max(ways, key=len)
    least = min(sum(positional.required for positional in way) for way in ways)
    for positional in fullest:
        positional.required = positional.required and least > 0
        least -= positional.required
    return fullest


def _dashed(option: Option) -> list[str]:
    return [f"-{short}" for short in option.shorts]


def without_path(usage: str, path: Sequence[str]) -> str:
    """``gh pr list [flags]`` → ``[flags]``: without the program and its commands."""
    words = usage.split()
    if not words:
        return ""
    words = words[1:]
    for name in path[1:]:
        if name in words:  # options of a group may stand between
            words = words[words.index(name) + 1 :]
        elif words and re.fullmatch(r"[\w-]+", words[0]):  # an alias of it
            words = words[1:]
    return " ".join(words)
