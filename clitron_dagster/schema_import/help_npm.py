"""Help of npm: commands in one comma-separated paragraph, the values of options only in a synopsis."""

from __future__ import annotations

import re
from collections.abc import Sequence

from clitron_dagster.schema_import.help_common import description_of, positionals_of
from clitron_dagster.schema_import.help_layout import Listed, Page, blocks, usage_lines
from clitron_dagster.schema_import.help_option import options_of
from clitron_dagster.schema_import.help_usage import options as usage_options
from clitron_dagster.schema_import.help_usage import parse_usage


def matches(text: str) -> bool:
    return bool(re.search(r"^All commands:$|^Run \"npm help ", text, re.MULTILINE))


def parse(text: str, path: Sequence[str]) -> Page:
    """The page of ``path`` (program and commands)."""
    found = blocks(text)
    words = " ".join(line for b in found if b.title == "All commands" for line in b.lines)
    names = [name for name in re.findall(r"[a-z][a-z-]*", words) if name != "help"]
    synopsis = re.search(r"^Options:\n((?:\[.*\n?)+)", text, re.MULTILINE)
    spelled = {
        name: option
        for option in (usage_options(parse_usage(synopsis[1])) if synopsis else [])
        for name in option.longs
    }
    options = options_of(found)
    for option in options:
        told = spelled.get(option.longs[0]) if option.longs else None
        if told and told.metavar:
            option.metavar, option.choices = told.metavar, told.choices
            option.repeatable = bool(re.search(rf"\[--{option.longs[0]} [^\[\]]*\[--", text))
    described = {name for option in options for name in option.longs}
    options += [option for name, option in spelled.items() if name not in described]
    aliases = re.search(r"^alias(?:es)?: (.+)$", text, re.MULTILINE)
    usages = usage_lines(found)
    return Page(
        description=description_of(found),
        usages=usages,
        commands=[Listed(name) for name in names],
        options=options,
        positionals=positionals_of(usages, path, options),
        aliases=re.findall(r"[\w-]+", aliases[1]) if aliases else [],
    )
