"""Help of Python programs on argparse: what is required, and how often, only its usage says."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence

from clitron_dagster.schema_import.help_common import (
    description_of,
    positionals_of,
    read_listed,
    without_path,
)
from clitron_dagster.schema_import.help_layout import (
    Block,
    Listed,
    Page,
    Positional,
    blocks,
    entries,
    indent,
    usage_lines,
)
from clitron_dagster.schema_import.help_option import choices_of, describe, options_of
from clitron_dagster.schema_import.help_usage import name_of, parse_usage

_SECTION = re.compile(r"^(positional arguments|options|optional arguments):$", re.MULTILINE)
_BRACES = re.compile(r"\{([^{}]+)\}\s+\.\.\.")
_ENTRY = re.compile(r"[\w{][\w{},.:-]*(?: \([\w, .-]+\))?(?:\s{2,}.*|\s*)")


def matches(text: str) -> bool:
    return bool(re.search(r"^usage: ", text, re.MULTILINE) and _SECTION.search(text))


def parse(text: str, path: Sequence[str]) -> Page:
    """The page of ``path`` (program and commands)."""
    found = blocks(text)
    options = options_of(found)
    usages = usage_lines(found)
    usage = without_path(usages[0], path) if usages else ""
    required = {item.text for item in parse_usage(usage) if item.text.startswith("-")}
    for option in options:
        if option.metavar and required & {
            *(f"--{n}" for n in option.longs),
            *(f"-{n}" for n in option.shorts),
        }:
            option.required = True
    commands = list(_commands(found, usage))
    names = {command.name for command in commands}
    described = dict(_positional_entries(found))
    positionals = [] if names else positionals_of([usage and f"x {usage}"], ["x"], options)
    positionals += [] if names else _chosen(usage, positionals)
    for positional in positionals:
        description = described.get(positional.name, "")
        positional.description = describe(description)
    return Page(
        description=description_of(found),
        usages=usages,
        commands=commands,
        options=options,
        positionals=positionals,
    )


def _commands(found: list[Block], usage: str) -> Iterator[Listed]:
    """Subparsers: ``{a,b} ...`` in the usage, with an indented entry each where they have help."""
    sections = "\n".join(line for block in found if block.title != "usage" for line in block.lines)
    listed = re.search(r"^ {2,4}(\{[^{}]+\})\s*(?:\S.*)?\n {4,6}\w", sections, re.MULTILINE)
    braces = _BRACES.search(f"{listed[1]} ..." if listed else usage)
    named = re.search(r"(?<!\[)\b([A-Za-z<][\w<>-]*) \.\.\.", usage)
    if not braces and not named:
        return
    names = choices_of("{" + braces[1] + "}") if braces else []
    seen: dict[str, Listed] = {}
    for block in found:
        if block.title == "usage" or block.is_prose:
            continue
        margin = min((indent(line) for line in block.lines if line.strip()), default=0)
        deeper = [line for line in block.lines if indent(line) > margin and line.strip()]
        inner = min((indent(line) for line in deeper), default=0)
        rows = [line for line in block.lines if indent(line) >= inner > margin]
        if inner > margin + 4 or block.title in ("options", "optional arguments"):
            continue
        for head, description in entries(rows, lambda line: bool(_ENTRY.fullmatch(line))):
            command = read_listed(head, description)
            if not names or command.name in names:
                seen.setdefault(command.name, command)
    aliases = {alias for command in seen.values() for alias in command.aliases}
    yield from seen.values()
    yield from (Listed(name) for name in names if name not in seen and name not in aliases)


def _positional_entries(found: list[Block]) -> Iterator[tuple[str, str]]:
    for block in found:
        if block.title not in ("usage", "options", "optional arguments") and not block.is_prose:
            rows = [line for line in block.lines if not line.strip().startswith("-")]
            for head, description in entries(rows, lambda line: bool(_ENTRY.fullmatch(line))):
                yield name_of(head), description


def _chosen(usage: str, known: list[Positional]) -> list[Positional]:
    """A positional with choices has no name in the usage: ``{start,stop}``."""
    bare = re.sub(r"\[[^\[\]]*\]|--?[\w-]+ \{[^{}]*\}", " ", usage)
    found = re.findall(r"\{([^{}]+)\}", bare)
    return [
        Positional(
            f"choice{number}" if number > 1 else "choice", choices=choices_of("{" + one + "}")
        )
        for number, one in enumerate(found, 1)
        if not known or "," in one
    ]
