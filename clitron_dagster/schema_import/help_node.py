"""Turn what a help page says into a node of the schema file (docs/schema-format.md)."""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import Any

from clitron_dagster.schema_import.help_layout import Listed, Option, Page, Positional

Node = dict[str, Any]
_INTEGERS = re.compile(
    r"u?int(eger)?(8|16|32|64)?(range)?|n|num|number|count|port|lines|depth|<?int>?", re.IGNORECASE
)
_NUMBERS = re.compile(r"float(32|64)?(range)?|double|decimal|real", re.IGNORECASE)
_BOOLEANS = re.compile(r"bool(ean)?", re.IGNORECASE)


def option_nodes(page: Page) -> tuple[list[Node], list[Node]]:
    """(args, flags) of a runnable command; positionals last, in order.

    Each arg keeps its ``metavar`` for the guess of its kind; ``tidy`` takes it away.
    """
    args: list[Node] = []
    flags: list[Node] = []
    for option in page.options:
        if (option.metavar or option.choices) and not option.optional_value:
            args.append(_arg(option))
        else:
            flags += _flags(option)
    args += [_positional(positional) for positional in page.positionals]
    return args, flags


def _names(option: Option) -> Node:
    name = (option.longs or option.shorts)[0]
    short = next((s for s in option.shorts if s.isalnum() and s != name), None)
    node: Node = {"name": name}
    if short and option.longs:
        node["short"] = short
    return node


def _flags(option: Option) -> list[Node]:
    node = _names(option)
    if option.description:
        node["description"] = option.description
    opposite = [name for name in option.negations if name != node["name"]][:1]
    if not opposite:
        return [node]
    node["conflicts"] = opposite
    description = f"The opposite of --{node['name']}"
    return [node, {"name": opposite[0], "description": description, "conflicts": [node["name"]]}]


def _arg(option: Option) -> Node:
    node = _names(option)
    node |= typed(option.metavar, option.choices)
    if option.required:
        node["required"] = True
    if option.repeatable:
        node["repeatable"] = True
    default = default_of(option.default, node["type"], option.choices)
    if default is not None and not option.repeatable:
        node["default"] = default
    if option.description:
        node["description"] = option.description
    return node | {"metavar": option.metavar}


def _positional(positional: Positional) -> Node:
    node: Node = {
        "name": positional.name,
        **typed(positional.metavar or positional.name, positional.choices),
    }
    node |= {"positional": True, "required": positional.required}
    for key in ("separator", "repeatable"):
        if getattr(positional, key):
            node[key] = True
    if positional.description:
        node["description"] = positional.description
    return node | {"metavar": positional.name}


def typed(metavar: str, choices: Sequence[str] = ()) -> Node:
    """``{"type": …}`` by a value's name and choices."""
    plain = re.sub(r"[\s<>=x\d]*$", "", metavar.strip("<>").lower().replace(" ", ""))
    if choices:
        return {"type": {"enum": list(choices)}}
    for pattern, kind in ((_INTEGERS, "integer"), (_NUMBERS, "number"), (_BOOLEANS, "boolean")):
        if pattern.fullmatch(plain) or pattern.fullmatch(metavar):
            return {"type": kind}
    return {"type": "string"}


def default_of(
    text: str | None, kind: Any, choices: Sequence[str] = ()
) -> str | int | float | None:
    """A default that fits the type; None for what is no literal (``the current branch``, ``[]``)."""
    if not text or re.search(
        r"[\[\]<>{}$~\s]|^(none|null|nil|unset|false|true)$", text, re.IGNORECASE
    ):
        return None
    if kind == "integer":
        return int(text) if re.fullmatch(r"-?\d{1,15}", text) else None
    if kind == "number":
        return float(text) if re.fullmatch(r"-?\d+(\.\d+)?", text) else None
    if choices:
        return text if text in choices else None
    return text if len(text) <= 60 and not text.startswith("/") else None


def command_node(listed: Listed, page: Page | None) -> Node:
    """Name, aliases and description; what the group's list says of a command is the shorter."""
    node: Node = {"name": listed.name}
    aliases = [*listed.aliases, *(page.aliases if page else ())]
    if aliases := [a for a in dict.fromkeys(aliases) if a != listed.name]:
        node["aliases"] = aliases
    description = listed.description or (page.description if page else "")
    if description:
        node["description"] = description
    return node
