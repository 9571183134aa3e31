"""Help of git and programs that follow it: ``git help -a`` lists, ``git CMD -h`` says the options.

    usage: git stash list [<log-options>]
       or: git stash drop [-q | --quiet] [<stash>]

        -q, --quiet           be quiet

A command's own subcommands are told only by the words of its usage.
"""

from __future__ import annotations

import re
from collections.abc import Sequence

from clitron_dagster.schema_import.help_common import NO_COMMANDS, positionals_of, without_path
from clitron_dagster.schema_import.help_layout import (
    Listed,
    Option,
    Page,
    blocks,
    entries,
    usage_lines,
)
from clitron_dagster.schema_import.help_option import options_of
from clitron_dagster.schema_import.help_usage import is_word, parse_usage, words_first
from clitron_dagster.schema_import.help_usage import options as usage_options

LIST_ALL = ("help", "-a")
_COMMAND_LISTS = re.compile(r"(porcelain|ancillary|interacting|low-level).*", re.IGNORECASE)
_LEFT_OUT = re.compile(r"internal", re.IGNORECASE)
NAME = re.compile(r"[A-Za-z0-9][\w.:-]*")
_COMMAND = re.compile(r"[a-z][\w-]*\s{2,}\S.*")


def lists_with_help_a(text: str, program: str) -> bool:
    """Whether a root page says that ``help -a`` lists the commands."""
    return bool(re.search(rf"\b{re.escape(program)} help -a\b", text))


def matches(text: str) -> bool:
    return bool(re.match(r"\s*usage: ", text)) and not re.search(
        r"^(positional arguments|options|optional arguments):$", text, re.MULTILINE
    )


def parse_list(text: str) -> list[Listed]:
    """Commands of ``help -a`` for people: no internal helpers, no guides, no aliases of a user."""
    found: dict[str, Listed] = {}
    for block in blocks(text):
        if _COMMAND_LISTS.search(block.title) and not _LEFT_OUT.search(block.title):
            for head, description in entries(
                block.lines, lambda line: bool(_COMMAND.fullmatch(line))
            ):
                if not head.startswith("git"):  # gitk, gitweb: programs of their own
                    found.setdefault(head, Listed(head, description))
    return list(found.values())


def parse(text: str, path: Sequence[str]) -> Page:
    """The page of ``path`` (program and commands)."""
    found = blocks(text)
    usages = [usage for usage in usage_lines(found) if usage.split()[:1] == [path[0]]]
    deeper: dict[str, list[str]] = {}
    for usage in usages:
        words = words_first(parse_usage(_flat(usage)))
        if words[: len(path)] == list(path) and len(words) > len(path):
            deeper.setdefault(words[len(path)], []).append(usage)
    deeper |= dict.fromkeys(_alternatives(usages, path), usages)
    named = [
        usage
        for usage in usages
        if words_first(parse_usage(_flat(usage)))[: len(path)] == list(path)
    ]
    own = named or usages
    options = options_of(found)
    known = {name for option in options for name in (*option.longs, *option.shorts)}
    if not deeper:
        options += [
            option
            for usage in own
            for option in usage_options(parse_usage(without_path(_flat(usage), path)))
            if not _note(known, option)
        ]
    return Page(
        usages=own,
        commands=[Listed(name) for name in deeper if name not in NO_COMMANDS],
        options=options,
        positionals=positionals_of([_flat(usage) for usage in own], path, options, bare=False),
    )


def parse_usage_of(usages: Sequence[str], path: Sequence[str]) -> Page | None:
    """A page for a subcommand without one, from its group's usage lines."""
    own = [u for u in usages if words_first(parse_usage(_flat(u)))[: len(path)] == list(path)]
    text = "usage: " + "\n   or: ".join(_flat(usage) for usage in own)
    return parse(text, path) if own else None


def _alternatives(usages: Sequence[str], path: Sequence[str]) -> list[str]:
    """``git bisect [start|bad|good|…]``: subcommands as the alternatives of one word."""
    if len(usages) != 1:
        return []
    items = parse_usage(without_path(usages[0], path))
    words = [a[0].text for item in items[:1] for a in item.alternatives if a and is_word(a[0])]
    return words if len(words) > 2 and len(words) == len(items[0].alternatives) else []


def _flat(usage: str) -> str:
    """``git stash [push [-p] …]`` → ``git stash push [-p] …``: the default subcommand spelled out."""
    match = re.match(r"((?:[\w-]+ )+)\[([a-z][a-z-]* .*)\]$", usage)
    return f"{match[1]}{match[2]}" if match else usage


def _note(known: set[str], option: Option) -> bool:
    """Whether an option is known by one of its names; from now on it is."""
    names = {*option.longs, *option.shorts}
    seen = bool(names & known)
    known |= names
    return seen
