"""Write a schema as YAML: commands in blocks, one line for each arg and flag."""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import Any

import yaml

from clitron_dagster.schema_import.tidy import KEYS

Node = dict[str, Any]
TOP = ("cli_name", "description", "context", "pipeline", "commands")
COMMAND = (
    "name", "description", "aliases", "effect", "natural_language", "args", "flags", "examples",
    "subcommands",
)  # fmt: skip
_BLOCKS = ("commands", "subcommands", "args", "flags", "examples")
_WIDTH = 100  # a list of phrases longer than this takes a line for each


def to_yaml(schema: Node, header: Sequence[str] = ()) -> str:
    """The whole file; ``header`` are comment lines for its top. Keys come in a fixed order."""
    lines = [f"# {line}".rstrip() for line in header]
    for key in _order(schema, TOP):
        value = schema[key]
        if key == "commands":
            lines += ["", "commands:"]
            for command in value:
                lines += command_lines(command, 2)
        elif isinstance(value, dict) and value:
            lines += [f"{flow(key)}:", *(f"  {flow(k)}: {flow(v)}" for k, v in value.items())]
        elif value not in (None, {}, []):
            lines.append(f"{flow(key)}: {flow(value)}")
    return "\n".join(lines) + "\n"


def command_lines(command: Node, indent: int) -> list[str]:
    """One command as an item of a list, ``indent`` columns in."""
    lines: list[str] = []
    for key in _order(command, COMMAND):
        lines += pair_lines(key, command[key], indent + 2)
    return [" " * indent + "- " + lines[0].lstrip(), *lines[1:]]


def pair_lines(key: str, value: Any, indent: int) -> list[str]:
    """``key: value`` of a command, in as many lines as it takes."""
    pad = " " * indent
    if key in ("commands", "subcommands") and value:
        return [
            f"{pad}{key}:",
            *(line for child in value for line in command_lines(child, indent + 2)),
        ]
    if key in _BLOCKS and value:
        return [f"{pad}{key}:", *(item_line(item, indent + 2) for item in value)]
    line = f"{pad}{flow(key)}: {flow(value)}"
    if isinstance(value, list) and len(line) > _WIDTH:
        return [f"{pad}{flow(key)}:", *(f"{pad}  - {flow(item)}" for item in value)]
    return [line]


def item_line(option: Any, indent: int) -> str:
    """An arg, flag or example as an item of a list."""
    return " " * indent + "- " + flow(ordered(option))


def ordered(option: Any) -> Any:
    """An option with its keys in the usual order."""
    return (
        {key: option[key] for key in _order(option, KEYS)} if isinstance(option, dict) else option
    )


def flow(value: Any) -> str:
    """A value on one line."""
    if isinstance(value, dict):
        return "{" + ", ".join(f"{flow(key)}: {flow(inner)}" for key, inner in value.items()) + "}"
    if isinstance(value, list | tuple):
        return "[" + ", ".join(flow(inner) for inner in value) + "]"
    if value is None or isinstance(value, bool | int | float):
        return yaml.safe_dump(value).split("\n")[0]
    return _text(str(value))


def _text(text: str) -> str:
    """Plain where every YAML reader takes it for this very text, else in double quotes."""
    plain = re.fullmatch(r"[A-Za-z0-9_./~+][\w./@~+ ()'-]*[\w./@~+()'-]|[A-Za-z]", text)
    if plain and text.isascii():
        resolver: Any = yaml.SafeLoader("")
        resolved = resolver.resolve(yaml.ScalarNode, text, (True, False))
        if resolved == "tag:yaml.org,2002:str":
            return text
    return '"' + "".join(_escaped(character) for character in text) + '"'


def _escaped(character: str) -> str:
    if character in '"\\':
        return "\\" + character
    if character.isprintable():
        return character
    return f"\\x{ord(character):02x}" if ord(character) < 256 else f"\\U{ord(character):08x}"


def _order(node: Node, usual: Sequence[str]) -> list[str]:
    return [*(key for key in usual if key in node), *(key for key in node if key not in usual)]
