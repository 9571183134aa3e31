"""argparse parsers as nodes of the schema file."""

from __future__ import annotations

import argparse
from collections.abc import Iterator, Sequence
from typing import Any

from clitron_dagster.schema_import.help_layout import summary
from clitron_dagster.schema_import.help_usage import name_of

MAX_DEPTH = 8
_MANY = ("*", "+", argparse.REMAINDER)

Node = dict[str, Any]


def commands(parser: argparse.ArgumentParser, depth: int = 1) -> list[Node]:
    """Nodes of a parser's subparsers; none for a parser without."""
    made: dict[int, Node] = {}
    for action in _subparsers(parser) if depth <= MAX_DEPTH else ():
        helps = {str(pseudo.dest): pseudo.help for pseudo in action._choices_actions}
        for name, child in (action.choices or {}).items():
            if id(child) in made:  # another name of the same parser
                made[id(child)].setdefault("aliases", []).append(name)
                continue
            words = helps.get(name)
            if words == argparse.SUPPRESS:
                continue
            node: Node = {"name": name, "description": summary(words or child.description or "")}
            if below := commands(child, depth + 1):
                node["subcommands"] = below
            else:
                node["args"], node["flags"] = _options(child)
            made[id(child)] = node
    return list(made.values())


def _subparsers(parser: argparse.ArgumentParser) -> Iterator[Any]:
    return (a for a in parser._actions if isinstance(a, argparse._SubParsersAction))


def _options(parser: argparse.ArgumentParser) -> tuple[list[Node], list[Node]]:
    args: list[Node] = []
    flags: list[Node] = []
    names: dict[int, str] = {}
    for action in parser._actions:
        if isinstance(action, argparse._HelpAction) or action.help == argparse.SUPPRESS:
            continue
        description = _help(parser, action)
        if not action.option_strings:
            args.append(_positional(action) | {"description": description})
            names[id(action)] = args[-1]["name"]
            continue
        node = _names(action.option_strings)
        if not node:
            continue
        node["description"] = description
        names[id(action)] = node["name"]
        if action.nargs == 0:
            flags += _flags(node, action)
        elif not isinstance(action.nargs, int):  # --point X Y cannot be said in the schema
            args.append(node | _value(action))
    _exclude(parser, names, [*args, *flags])
    return args, flags


def _names(options: Sequence[str]) -> Node:
    long = [option[2:] for option in options if option.startswith("--")]
    short = [option[1:] for option in options if option[:1] == "-" and len(option) == 2]
    if not long and not short:
        return {}
    return {"name": (long or short)[0]} | ({"short": short[0]} if long and short else {})


def _flags(node: Node, action: argparse.Action) -> list[Node]:
    opposite = [f"no-{node['name']}"] if f"--no-{node['name']}" in action.option_strings else []
    if not opposite:
        return [node]
    words = f"The opposite of --{node['name']}"
    other = {"name": opposite[0], "description": words, "conflicts": [node["name"]]}
    return [node | {"conflicts": opposite}, other]


def _positional(action: argparse.Action) -> Node:
    metavar = action.metavar[0] if isinstance(action.metavar, tuple) else action.metavar
    node: Node = {"name": name_of(str(metavar or action.dest)), "positional": True}
    node |= _value(action)
    node["required"] = action.nargs not in ("?", "*", argparse.REMAINDER)
    node["repeatable"] = action.nargs in _MANY or isinstance(action.nargs, int)
    return node


def _value(action: argparse.Action) -> Node:
    kind = "integer" if action.type is int else "number" if action.type is float else "string"
    node: Node = {"type": kind}
    choices = [str(choice) for choice in action.choices or ()]
    if choices:
        node["type"] = {"enum": choices}
    if action.required:
        node["required"] = True
    if isinstance(action, argparse._AppendAction):
        node["repeatable"] = True
    default = action.default
    expected: Any = {"integer": int, "number": (int, float)}.get(kind, str) if not choices else str
    good = isinstance(default, expected) and not isinstance(default, bool) and default != ""
    if good and default != argparse.SUPPRESS and (not choices or default in choices):
        node["default"] = default
    metavar = action.metavar[0] if isinstance(action.metavar, tuple) else action.metavar
    return node | {"metavar": str(metavar or "")}


def _help(parser: argparse.ArgumentParser, action: argparse.Action) -> str:
    """The help of an action, ``%(default)s`` and the like filled in."""
    try:
        return summary(parser._get_formatter()._expand_help(action) if action.help else "")
    except (KeyError, ValueError, TypeError):
        return summary(action.help or "")


def _exclude(parser: argparse.ArgumentParser, names: dict[int, str], options: list[Node]) -> None:
    """Mutually exclusive groups as conflicts."""
    for group in parser._mutually_exclusive_groups:
        members = [names[id(a)] for a in group._group_actions if id(a) in names]
        for option in options:
            if option["name"] in members:
                others = [name for name in members if name != option["name"]]
                option["conflicts"] = list(dict.fromkeys([*option.get("conflicts", ()), *others]))
