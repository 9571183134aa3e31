"""click commands and typer apps as nodes of the schema file.

Objects are told by what they have, not by their class: typer carries a click of its own.
"""

from __future__ import annotations

import datetime
import enum
import importlib
import inspect
import typing
from pathlib import PurePath
from typing import Any

from clitron_dagster.schema_import.help_layout import summary
from clitron_dagster.schema_import.help_usage import name_of

MAX_DEPTH = 8
_TYPES = {
    "integer": "integer", "integer range": "integer", "int": "integer", "float": "number",
    "float range": "number", "boolean": "boolean", "bool": "boolean",
}  # fmt: skip
_SEMANTICS = {
    "file": "file",
    "filename": "file",
    "directory": "directory",
    "path": "path",
    "datetime": "date",
}

Node = dict[str, Any]


def command_of(found: Any) -> Any | None:
    """The click command behind an object; None where there is none."""
    if hasattr(found, "registered_commands") and hasattr(found, "registered_groups"):
        return importlib.import_module("typer.main").get_command(found)
    return found if hasattr(found, "params") and hasattr(found, "context_class") else None


def commands(group: Any, depth: int = 1) -> list[Node]:
    """Nodes of a group's commands; none for a command that is no group."""
    if not hasattr(group, "list_commands") or depth > MAX_DEPTH:
        return []
    context = group.context_class(group, info_name=group.name or "cli")
    made: list[Node] = []
    by_command: dict[int, Node] = {}
    for name in group.list_commands(context):
        command = group.get_command(context, name)
        if command is None or command.hidden:
            continue
        if known := by_command.get(id(command)):  # one command under two names
            known.setdefault("aliases", []).append(known["name"] if name == command.name else name)
            known["name"] = command.name if name == command.name else known["name"]
            continue
        node: Node = {"name": name, "description": sentence(command.short_help or command.help)}
        below = commands(command, depth + 1)
        if below:
            node["subcommands"] = below
        elif not hasattr(command, "list_commands"):
            node["args"], node["flags"] = _parameters(command)
        by_command[id(command)] = node
        made.append(node)
    return made


def sentence(text: Any) -> str:
    """The first sentence of a docstring; empty for none."""
    if not isinstance(text, str):
        return ""
    return summary(inspect.cleandoc(text).replace("\b", "").split("\f")[0])


def _parameters(command: Any) -> tuple[list[Node], list[Node]]:
    args: list[Node] = []
    flags: list[Node] = []
    for parameter in command.params:
        if getattr(parameter, "hidden", False):
            continue
        if parameter.param_type_name == "argument":
            args.append(_positional(parameter))
            continue
        node = _names(parameter.opts)
        if not node or node["name"] == "help":
            continue
        node["description"] = sentence(parameter.help)
        if parameter.is_flag or parameter.count:
            flags += _flags(node, parameter)
        elif parameter.nargs == 1:  # --point X Y cannot be said in the schema
            args.append(node | _value(parameter))
    return args, flags


def _names(options: list[str]) -> Node:
    long = [option[2:] for option in options if option.startswith("--")]
    short = [option[1:] for option in options if option[:1] == "-" and len(option) == 2]
    if not long and not short:
        return {}
    return {"name": (long or short)[0]} | ({"short": short[0]} if long and short else {})


def _flags(node: Node, parameter: Any) -> list[Node]:
    opposite = _names(parameter.secondary_opts)
    if not opposite:
        return [node]
    words = f"The opposite of --{node['name']}"
    other = opposite | {"description": words, "conflicts": [node["name"]]}
    return [node | {"conflicts": [opposite["name"]]}, other]


def _positional(parameter: Any) -> Node:
    name = name_of(str(parameter.metavar or parameter.name or "arg").rstrip("."))
    node: Node = {"name": name, **_value(parameter)}
    node |= {"positional": True, "required": bool(parameter.required)}
    node["description"] = sentence(getattr(parameter, "help", None))
    node["repeatable"] = parameter.nargs != 1
    return node


def _value(parameter: Any) -> Node:
    kind, choices, semantic = _kind(parameter)
    node: Node = {"type": {"enum": choices} if choices else kind}
    if semantic:
        node["semantic"] = semantic
    if parameter.required:
        node["required"] = True
    if getattr(parameter, "multiple", False):
        node["repeatable"] = True
    default = parameter.default
    if isinstance(default, enum.Enum):  # click's mark for none is an Enum as well
        default = default.value
    fits: dict[str, Any] = {"integer": int, "number": (int, float), "boolean": bool}
    expected = str if choices else fits.get(kind, str)
    if isinstance(default, expected) and default != "" and (default in choices or not choices):
        node["default"] = default
    return node | {"metavar": str(parameter.metavar or "")}


def _kind(parameter: Any) -> tuple[str, list[str], str]:
    """(type, choices, kind of value): by click's type, or by the annotation that typer keeps."""
    kind: Any = getattr(parameter, "type", None)
    if kind is None:
        descriptor = getattr(parameter, "type_descriptor", None)
        return _annotated(getattr(descriptor, "annotation", str), parameter_info=descriptor)
    name = str(getattr(kind, "name", ""))
    choices = [_choice(one) for one in getattr(kind, "choices", ()) or ()]
    return _TYPES.get(name, "string"), choices, _place(kind) or _SEMANTICS.get(name, "")


def _annotated(annotation: Any, parameter_info: Any) -> tuple[str, list[str], str]:
    inner = [one for one in typing.get_args(annotation) if one is not type(None)]
    if typing.get_origin(annotation) is typing.Literal:
        return "string", [str(one) for one in inner], ""
    if inner:  # X | None, list[X], Annotated[X, …]
        return _annotated(inner[0], parameter_info)
    if isinstance(annotation, type) and issubclass(annotation, enum.Enum):
        return "string", [_choice(one) for one in annotation], ""
    if isinstance(annotation, type) and issubclass(annotation, PurePath):
        return "string", [], _place(getattr(parameter_info, "parameter_info", None)) or "path"
    if annotation is datetime.datetime:
        return "string", [], "date"
    return _TYPES.get(getattr(annotation, "__name__", ""), "string"), [], ""


def _place(kind: Any) -> str:
    """What a path may be."""
    if getattr(kind, "dir_okay", True) is False:
        return "file"
    return "directory" if getattr(kind, "file_okay", True) is False else ""


def _choice(value: Any) -> str:
    return str(value.value if isinstance(value, enum.Enum) else value)
