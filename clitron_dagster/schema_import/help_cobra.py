"""Help of Go programs on cobra (gh, docker, helm, kubectl), and the common form of most others.

Sections end on ``commands`` and ``flags`` (or ``options``), in capitals in gh; the type of a value
stands behind its option (``--limit int``). kubectl writes ``--limit=500:`` instead.
"""

from __future__ import annotations

import re
from collections.abc import Sequence

from clitron_dagster.schema_import.help_common import (
    aliases_of,
    description_of,
    listed,
    positionals_of,
)
from clitron_dagster.schema_import.help_layout import Option, Page, blocks, usage_lines
from clitron_dagster.schema_import.help_option import options_of

_ASSIGNED = re.compile(r"(?P<names>.*--[\w.-]+)=(?P<value>.*):")
_EXAMPLE = re.compile(r"^\s*\$?\s*(.*--?\w.*)$")


def parse(text: str, path: Sequence[str]) -> Page:
    """The page of ``path`` (program and commands)."""
    found = blocks(text)
    titled = [block for block in found if re.search(r"flags|options", block.title, re.IGNORECASE)]
    options = options_of(titled or found, _kubectl)
    usages = usage_lines(found)
    examples = [line for block in found if "example" in block.title.lower() for line in block.lines]
    for option in options:
        if option.metavar and not option.repeatable:
            option.repeatable = _given_twice(option, examples)
    return Page(
        description=description_of(found),
        usages=usages,
        commands=listed(found),
        options=options,
        positionals=positionals_of(usages, path, options),
        aliases=aliases_of(found, path),
    )


def _kubectl(head: str, description: str) -> tuple[str, str]:
    """``--limit=500:`` → ``--limit int``, its default into the description."""
    match = _ASSIGNED.fullmatch(head)
    if not match:
        return head, description
    names, value = match["names"], match["value"]
    if value in ("true", "false"):
        return names, description
    if re.fullmatch(r"-?\d+", value):
        return f"{names} int", f"{description} (default {value})"
    if value == "[]":
        return f"{names} strings", description
    if re.fullmatch(r"(\d+[hms])+", value):
        return f"{names} duration", f"{description} (default {value})"
    bare = value.strip("'\"")
    return f"{names} string", f'{description} (default "{bare}")' if bare else description


def _given_twice(option: Option, examples: list[str]) -> bool:
    """Whether an example gives the option twice, as ``--label bug --label urgent``."""
    for line in examples:
        for name in option.longs:
            if len(re.findall(rf"(?<!\S)--{re.escape(name)}(?=[\s=])", line)) > 1:
                return True
    return False
