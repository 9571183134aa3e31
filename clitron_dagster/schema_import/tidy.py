"""Make an imported tree legal: what ``schema/load.py`` would refuse is mended or left out.

Also the place of all guesses: a command's effect and an argument's kind of value.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import Any

from clitron_dagster.schema.model import Effect
from clitron_dagster.schema_import.guess import effect_of, flag_effect, semantic_of

Node = dict[str, Any]
_COMMAND = re.compile(r"[A-Za-z0-9_@.][^\s]*")
_OPTION = re.compile(r"[A-Za-z0-9?@#_][^\s=]*")
KEYS = (
    "name", "short", "type", "choices", "positional", "required", "separator", "repeatable",
    "default", "semantic", "effect", "description", "samples", "natural_language", "conflicts",
    "requires",
)  # fmt: skip


def tidy(schema: Node) -> tuple[Node, list[str]]:
    """A legal copy of what a reader returned, with guesses filled in, and notes on what was lost."""
    notes: list[str] = []
    commands = _commands(schema.get("commands") or [], (), notes)
    return {
        "cli_name": schema["cli_name"],
        "description": str(schema.get("description") or ""),
        "commands": commands,
    }, notes


def _commands(nodes: Sequence[Node], path: tuple[str, ...], notes: list[str]) -> list[Node]:
    made: dict[str, Node] = {}
    for node in nodes:
        name = str(node.get("name") or "")
        if not _COMMAND.fullmatch(name) or name in made:
            why = "stands twice" if name in made else "is no name of a command"
            notes.append(f"`{' '.join((*path, name))}` {why}; left out")
            continue
        made[name] = _command(node, (*path, name), notes)
    taken = set(made)
    for command in made.values():
        aliases = [
            alias for alias in dict.fromkeys(command.pop("aliases", ())) if alias not in taken
        ]
        taken.update(aliases)
        if aliases:
            command["aliases"] = aliases
    return [_ordered_command(command) for command in made.values()]


def _command(node: Node, path: tuple[str, ...], notes: list[str]) -> Node:
    made: Node = {"name": path[-1], "description": str(node.get("description") or "")}
    made["aliases"] = [a for a in node.get("aliases") or () if isinstance(a, str) and a]
    if node.get("unread"):
        made["unread"] = True
    if children := _commands(node.get("subcommands") or [], path, notes):
        return made | {"subcommands": children}
    effect: Effect = node.get("effect") or effect_of(path, made["description"])
    if effect != "write":
        made["effect"] = effect
    args, flags = _options(node.get("args") or [], node.get("flags") or [], path, notes)
    for flag in flags:
        if raised := flag.get("effect") or flag_effect(flag["name"], effect):
            flag["effect"] = raised
    for key, options in (("args", args), ("flags", flags)):
        if options:
            made[key] = [{k: option[k] for k in KEYS if k in option} for option in options]
    return made


def _ordered_command(command: Node) -> Node:
    first = ("name", "aliases", "description", "effect")
    return {key: command[key] for key in (*first, *command) if key in command}


def _options(
    args: Sequence[Node], flags: Sequence[Node], path: tuple[str, ...], notes: list[str]
) -> tuple[list[Node], list[Node]]:
    names: set[str] = set()
    shorts: set[str] = set()
    made: list[Node] = []
    kept: list[Node] = []
    for is_arg, option in [*((True, a) for a in args), *((False, f) for f in flags)]:
        option = dict(option)
        name = str(option.get("name") or "")
        if not _OPTION.fullmatch(name) or (name in names and not option.get("positional")):
            if name not in names:
                notes.append(f"`{' '.join(path)}`: `{name}` is no name of an option; left out")
            continue
        while option["name"] in names:  # a positional beside an option of the same name
            option["name"] += "-arg"
        short = name if len(name) == 1 and not option.get("positional") else option.get("short")
        if short in shorts or (short and len(short) != 1):
            option.pop("short", None)
        elif short:
            shorts.add(short)
        names.add(option["name"])
        (made if is_arg else kept).append(_arg(option, path) if is_arg else option)
    options = [arg for arg in made if not arg.get("positional")]
    behind = [arg for arg in made if arg.get("positional")]
    args = [*options, *_positionals(behind, path, notes)]
    for option in (*args, *kept):
        for relation in ("conflicts", "requires"):
            others = [n for n in option.get(relation, ()) if n in names and n != option["name"]]
            if relation in option and others:
                option[relation] = others
            else:
                option.pop(relation, None)
    return list(args), kept


def _arg(arg: Node, path: Sequence[str]) -> Node:
    kind = arg.get("type") or "string"
    if isinstance(kind, dict):
        choices = list(dict.fromkeys(str(c) for c in kind.get("enum") or kind.get("choices") or ()))
        kind = {"enum": choices} if choices else "string"
    arg["type"] = kind
    if arg.get("required") or arg.get("repeatable") or arg.get("default") is None:
        arg.pop("default", None)
    for key in ("required", "positional", "separator", "repeatable"):
        if not arg.get(key):
            arg.pop(key, None)
    semantic = arg.get("semantic") or semantic_of(
        arg["name"],
        "enum" if isinstance(kind, dict) else kind,
        metavar=arg.pop("metavar", ""),
        description=str(arg.get("description") or ""),
        path=path,
    )
    if semantic:
        arg["semantic"] = semantic
    return arg


def _positionals(args: list[Node], path: Sequence[str], notes: list[str]) -> list[Node]:
    """Required ones first, one that repeats last, what stands behind ``--`` at the very end."""
    args = sorted(args, key=lambda arg: bool(arg.get("separator")))
    for index, arg in enumerate(args):
        for earlier in args[:index]:
            if arg.get("required") and earlier.get("repeatable"):
                earlier["required"] = True  # [SOURCE...] TARGET needs a source to have a target
    optional = False
    for arg in args:
        if optional:
            arg.pop("required", None)
        optional = optional or not arg.get("required")
    made: list[Node] = []
    for arg in args:
        repeats = any(earlier.get("repeatable") for earlier in made)
        if repeats and not (arg.get("required") or arg.get("separator")):
            shown = f"`{' '.join(path)}`: `{arg['name']}`"
            notes.append(f"{shown} is optional behind one that repeats; left out")
            continue
        made.append(arg)
    return made
