"""Read a usage spec (https://usage.jdx.dev/spec/, KDL 1 or 2, or the JSON that ``usage generate
json`` prints) into the schema format (docs/schema-format.md).

Nothing is run: what a spec mounts, completes or includes at run time is left out, and so is what
it hides.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterable
from pathlib import Path
from typing import Any

from clitron_dagster.errors import ClitronError
from clitron_dagster.schema_import.help_layout import summary
from clitron_dagster.schema_import.help_node import default_of, typed
from clitron_dagster.schema_import.help_option import describe
from clitron_dagster.schema_import.help_usage import name_of

MAX_BYTES = 8 * 1024 * 1024
MAX_DEPTH = 12  # of subcommands
_EFFECTS = ("read", "write", "destructive")

Node = dict[str, Any]


class UsageSpecError(ClitronError):
    """A usage spec that is not there, or cannot be read as one."""


def read(source: str, name: str) -> Node:
    """Schema of the CLI ``name`` from a spec in the file ``source`` (``.kdl`` or ``.json``).

    Raises:
        UsageSpecError: no such file, not a spec, or it has no commands.
    """
    file = Path(source)
    try:
        if file.stat().st_size > MAX_BYTES:
            raise UsageSpecError(f"{file}: a spec has at most {MAX_BYTES // 2**20} MiB")
        text = file.read_text(encoding="utf-8-sig")
    except (OSError, UnicodeDecodeError) as error:
        why = getattr(error, "strerror", None) or "it is not UTF-8"
        raise UsageSpecError(f"{file}: the spec cannot be read ({why.lower()})") from None
    root = _json(file, text) if text.lstrip().startswith("{") else _kdl(file, text)
    globals_ = [flag for flag in _dicts(root.get("flags")) if flag.get("global")]
    commands = _commands(root, globals_, 1)
    if not commands:
        raise UsageSpecError(f"{file}: the spec has no commands; a schema needs at least one")
    description = summary(str(root.get("about") or root.get("help") or ""))
    return {"cli_name": name, "description": description, "commands": commands}


def _json(file: Path, text: str) -> Node:
    try:
        spec: Any = json.loads(text)
    except (ValueError, RecursionError) as error:
        raise UsageSpecError(f"{file}: this is not valid JSON ({error})") from None
    root = spec.get("cmd") if isinstance(spec, dict) else None
    if not isinstance(root, dict):
        raise UsageSpecError(f"{file}: no usage spec; `usage generate json -f SPEC.kdl` makes one")
    return {"about": spec.get("about"), **root}


def _kdl(file: Path, text: str) -> Node:
    import ckdl

    try:
        nodes = list(ckdl.parse(text, version="any"))
    except (ValueError, RecursionError) as error:
        raise UsageSpecError(f"{file}: this is not valid KDL ({error})") from None
    return _from_kdl(nodes, MAX_DEPTH)


def _from_kdl(nodes: Iterable[Any], depth: int) -> Node:
    """Children of a ``cmd`` (or of the file) in the shape that the JSON has."""
    made: Node = {"args": [], "flags": [], "subcommands": {}, "aliases": []}
    for node in nodes:
        words = [str(arg) for arg in node.args]
        properties = dict(node.properties)
        if node.name == "cmd" and words and depth > 0:
            child = {**properties, **_from_kdl(node.children, depth - 1), "name": words[0]}
            made["subcommands"][words[0]] = child
        elif node.name == "alias" and not properties.get("hide"):
            made["aliases"] += words
        elif node.name in ("arg", "flag") and words:
            inner = _from_kdl(node.children, 0)
            kind = _arg if node.name == "arg" else _flag
            made[f"{node.name}s"].append(kind(words[0]) | _merged(properties, inner))
        elif node.name == "choices":
            listed = [child.args[0] for child in node.children if child.name == "choice"]
            made["choices"] = {"choices": [*words, *map(str, listed)]}
        elif words and node.name in ("help", "about", "effect", "default", "conflicts", "requires"):
            made[node.name] = words if node.name in ("conflicts", "requires") else words[0]
    return made


def _merged(properties: Node, inner: Node) -> Node:
    """A flag's or arg's properties with what its children add."""
    value = {
        k: v
        for k, v in inner.items()
        if k in ("help", "choices", "default", "conflicts", "requires")
    }
    if inner["args"]:
        value["arg"] = inner["args"][0]
        value["arg_count"] = len(inner["args"])
    for name in inner["aliases"]:
        key = "long" if name.startswith("--") else "short"
        value.setdefault(f"more_{key}", []).append(name.lstrip("-"))
    return {**properties, **value}


def _arg(usage: str) -> Node:
    """``<file>…``, ``[file]``, ``<-- file>``."""
    inner = usage.strip("<>[]….").strip()
    return {
        "name": inner.removeprefix("--").strip(),
        "required": not usage.startswith("["),
        "var": usage.endswith(("...", "…")),
        "double_dash": "required" if inner.startswith("--") else "optional",
    }


def _flag(usage: str) -> Node:
    """``-u --user <user>``."""
    values = re.findall(r"[<\[][^>\]]+[>\]](?:\.\.\.|…)?", usage)
    flag: Node = {
        "long": re.findall(r"(?<!\S)--([\w.-]*\w)", usage),
        "short": re.findall(r"(?<!\S)-(\w)(?![\w-])", usage),
        "var": bool(re.search(r"[\w](\.\.\.|…)(?!\S)", usage)),
    }
    return flag | ({"arg": _arg(values[0]), "arg_count": len(values)} if values else {})


def _commands(parent: Node, inherited: list[Node], depth: int) -> list[Node]:
    children = parent.get("subcommands")
    if not isinstance(children, dict) or depth > MAX_DEPTH:
        return []
    made = []
    for name, child in children.items():
        if not isinstance(child, dict) or child.get("hide") or name == "help":
            continue
        own = [flag for flag in _dicts(child.get("flags")) if not flag.get("hide")]
        node: Node = {"name": name, "description": _help(child)}
        node["aliases"] = [str(alias) for alias in child.get("aliases") or ()]
        if child.get("effect") in _EFFECTS:
            node["effect"] = child["effect"]
        below = _commands(child, [*inherited, *(f for f in own if f.get("global"))], depth + 1)
        if below:
            made.append(node | {"subcommands": below})
            continue
        args, flags = _options([*own, *inherited])
        args += [_positional(arg) for arg in _dicts(child.get("args")) if not arg.get("hide")]
        made.append(node | {"args": args, "flags": flags})
    return made


def _options(specs: list[Node]) -> tuple[list[Node], list[Node]]:
    args: list[Node] = []
    flags: list[Node] = []
    for spec in specs:
        longs = [str(x) for x in [*(spec.get("long") or ()), *(spec.get("more_long") or ())]]
        shorts = [str(x) for x in [*(spec.get("short") or ()), *(spec.get("more_short") or ())]]
        name = next(iter([*longs, *shorts]), "")
        shows_help = name == "help" or (name == "h" and "help" in _help(spec).lower())
        if not name or shows_help or spec.get("hide") or spec.get("arg_count", 1) > 1:
            continue
        node: Node = {"name": name}
        if longs and shorts:
            node["short"] = shorts[0]
        node["description"] = _help(spec)
        for relation in ("conflicts", "requires"):
            if others := spec.get(relation):
                listed = [others] if isinstance(others, str) else others
                node[relation] = [str(other).lstrip("-") for other in listed]
        value = spec.get("arg")
        if isinstance(value, dict):
            choices = value.get("choices") or spec.get("choices")
            args.append(node | _value({**spec, **value, "choices": choices}, spec))
            continue
        negated = str(spec.get("negate") or "").lstrip("-")
        flags.append(node | ({"conflicts": [negated]} if negated else {}))
        if negated:
            words = f"The opposite of --{name}"
            flags.append({"name": negated, "description": words, "conflicts": [name]})
    return args, flags


def _value(spec: Node, flag: Node) -> Node:
    choices = spec.get("choices")
    listed = choices.get("choices") if isinstance(choices, dict) else choices
    values = [c if isinstance(c, str) else c.get("value") for c in listed or ()]
    names = [str(value) for value in values if value]
    node = typed(str(spec.get("name") or ""), names) | {"metavar": str(spec.get("name") or "")}
    default = flag.get("default")
    default = default[0] if isinstance(default, list) and len(default) == 1 else default
    if isinstance(default, str | int) and not isinstance(default, bool):
        node["default"] = default_of(str(default), node["type"], names)
    if flag.get("required"):
        node["required"] = True
    if flag.get("var"):
        node["repeatable"] = True
    return node


def _positional(arg: Node) -> Node:
    node: Node = {"name": name_of(str(arg.get("name") or "arg")), "positional": True}
    node |= _value(arg, arg) | {"description": _help(arg)}
    node["required"] = bool(arg.get("required")) and arg.get("default") in (None, [])
    if str(arg.get("double_dash")).lower() == "required":
        node["separator"] = True
    return node


def _help(spec: Node) -> str:
    return describe(str(spec.get("help") or spec.get("help_first_line") or spec.get("about") or ""))


def _dicts(value: Any) -> list[Node]:
    return [one for one in value if isinstance(one, dict)] if isinstance(value, list) else []
