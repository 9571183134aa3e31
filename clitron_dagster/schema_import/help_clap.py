"""Help of Rust programs on clap: positionals have a section of their own, values their choices."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence

from clitron_dagster.schema_import.help_common import description_of, listed, positionals_of
from clitron_dagster.schema_import.help_layout import (
    Block,
    Page,
    Positional,
    blocks,
    entries,
    usage_lines,
)
from clitron_dagster.schema_import.help_option import describe, options_of, read_option
from clitron_dagster.schema_import.help_usage import name_of

_ARGUMENT = re.compile(r"[\[<][^\]>]+[\]>](?:\.\.\.|…)?(?:\s{2,}.*|\s*)")


def matches(text: str) -> bool:
    return bool(
        re.search(r"^Usage: ", text, re.MULTILINE)
        and re.search(r"-h, --help\s+Print (?:help|this message)|^Arguments:$", text, re.MULTILINE)
    )


def parse(text: str, path: Sequence[str]) -> Page:
    """The page of ``path`` (program and commands)."""
    found = blocks(text)
    options = options_of(found)
    usages = usage_lines(found)
    positionals = list(_arguments(found))
    spelled = {p.name: p for p in positionals_of(usages, path, options)}
    for positional in positionals:
        if positional.name in spelled:
            positional.separator = spelled[positional.name].separator
    return Page(
        description=description_of(found),
        usages=usages,
        commands=listed(found),
        options=options,
        positionals=positionals or list(spelled.values()),
    )


def _arguments(found: list[Block]) -> Iterator[Positional]:
    for block in found:
        if block.title.lower() == "arguments":
            for head, description in entries(
                block.lines, lambda line: bool(_ARGUMENT.fullmatch(line))
            ):
                value = read_option("--x <x>", description)
                assert value is not None
                yield Positional(
                    name=name_of(head.rstrip(".…")),
                    required=head.startswith("<"),
                    repeatable=head.endswith(("...", "…")),
                    choices=value.choices,
                    description=describe(description),
                )
