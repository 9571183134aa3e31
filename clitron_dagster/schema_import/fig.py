"""Read a Fig / Amazon Q completion spec into the schema format (docs/schema-format.md).

A spec is an ES module that exports a tree of subcommands, options and args
(https://fig.io/docs/reference); npm's ``@withfig/autocomplete`` holds some 700. It is JavaScript and
is run by node, so read specs only from where you would install a program from. What a spec computes
at completion time (generators, functions) is left out.
"""

from __future__ import annotations

import json
import re
import subprocess
from collections.abc import Iterable
from pathlib import Path
from typing import Any

from clitron_dagster.errors import ClitronError

TIMEOUT_SECONDS = 30
MAX_DEPTH = 6  # of subcommands
_DUMP = """
import {pathToFileURL} from "node:url";
const spec = (await import(pathToFileURL(process.argv[1]))).default;
if (typeof spec !== "object" || spec === null) process.exit(3);
const plain = (key, value) => typeof value === "function" || key === "icon" ? undefined : value;
process.stdout.write(JSON.stringify(spec, plain), () => process.exit(0));
"""
_NUMBERS = {
    "int": "integer", "uint": "integer", "uint16": "integer", "int64": "integer",
    "integer": "integer", "number": "integer", "count": "integer", "port": "integer",
    "float": "number", "decimal": "number",
}  # fmt: skip
_TEMPLATES = {"filepaths": "path", "folders": "directory"}

Node = dict[str, Any]


class FigError(ClitronError):
    """A spec that is not there, or cannot be read as one."""


def read(source: str | Path, name: str) -> Node:
    """Schema of the CLI ``name``. ``source`` is the spec's .js file, or the folder of a package of
    specs (``…/@withfig/autocomplete``).

    Raises:
        FigError: no such spec, node is missing or fails, or the spec has no subcommands.
    """
    folder, file = _find(Path(source), name)
    spec = _dump(file)
    inherited = [option for option in _list(spec.get("options")) if option.get("isPersistent")]
    commands = _nodes(spec.get("subcommands"), inherited, folder, 1)
    if not commands:
        raise FigError(f"{file}: the spec names no subcommands; write schemas/{name}.yaml by hand")
    return {"cli_name": name, "description": _text(spec), "commands": commands}


def _find(source: Path, name: str) -> tuple[Path, Path]:
    if source.is_file():
        return source.parent, source
    for folder in (source / "build", source):
        if (folder / f"{name}.js").is_file():
            return folder, folder / f"{name}.js"
    raise FigError(f"{source}: there is no spec {name}.js; give its file, or the package's folder")


def _dump(file: Path) -> Node:
    argv = ["node", "--input-type=module", "-e", _DUMP, "--", str(file.resolve())]
    try:
        done = subprocess.run(argv, capture_output=True, timeout=TIMEOUT_SECONDS, check=False)
    except FileNotFoundError:
        raise FigError("reading a Fig spec needs node on the PATH; install Node.js 20") from None
    except subprocess.TimeoutExpired:
        raise FigError(f"{file}: node took over {TIMEOUT_SECONDS} s to load the spec") from None
    try:
        spec: Any = json.loads(done.stdout)
    except ValueError:
        spec = None
    if not isinstance(spec, dict):
        why = "it computes its tree" if done.returncode == 3 else "node could not load it"
        raise FigError(f"{file}: no Fig spec to read ({why}); give another file")
    return spec


def _nodes(subcommands: Any, inherited: list[Node], folder: Path, depth: int) -> list[Node]:
    made: dict[str, Node] = {}
    for spec in _list(subcommands):
        names = [text for text in _names(spec) if re.fullmatch(r"[A-Za-z0-9][\w.:-]*", text)]
        if names and not spec.get("deprecated") and not spec.get("hidden"):
            made.setdefault(names[0], _node(names, spec, inherited, folder, depth))
    taken = set(made)
    for node in made.values():  # an alias that another command bears means that one
        node["aliases"] = [alias for alias in node.get("aliases", ()) if alias not in taken]
        taken.update(node["aliases"])
        if not node["aliases"]:
            del node["aliases"]
    return list(made.values())


def _node(names: list[str], spec: Node, inherited: list[Node], folder: Path, depth: int) -> Node:
    elsewhere = spec.get("loadSpec")
    if isinstance(elsewhere, str) and (folder / f"{elsewhere}.js").is_file():
        spec = {**_dump(folder / f"{elsewhere}.js"), **{k: v for k, v in spec.items() if v}}
    node: Node = {"name": names[0], "description": _text(spec)}
    if names[1:]:
        node["aliases"] = list(dict.fromkeys(names[1:]))
    options = [*_list(spec.get("options")), *inherited]
    below = [*inherited, *(o for o in _list(spec.get("options")) if o.get("isPersistent"))]
    children = (
        _nodes(spec.get("subcommands"), below, folder, depth + 1) if depth < MAX_DEPTH else []
    )
    if children:
        return node | {"subcommands": children}
    args, flags = _options(options)
    taken = {option["name"] for option in (*args, *flags)}
    args += _positionals(_list(spec.get("args")), taken)
    return node | {key: value for key, value in (("args", args), ("flags", flags)) if value}


def _options(specs: list[Node]) -> tuple[list[Node], list[Node]]:
    """Options that take a value, and booleans."""
    args: list[Node] = []
    flags: list[Node] = []
    seen: set[str] = set()
    for spec in specs:
        long = [text[2:] for text in _names(spec) if re.fullmatch(r"--[A-Za-z0-9][\w.-]*", text)]
        short = [text[1:] for text in _names(spec) if re.fullmatch(r"-[A-Za-z0-9]", text)]
        names = long[:1] or short[:1]
        if not names or names[0] in ("help", "version") or seen & {*names, *short}:
            continue
        option: Node = {"name": names[0]}
        if long and short:
            option["short"] = short[0]
        seen.update(names, short)
        option["description"] = _text(spec)
        values = _list(spec.get("args"))
        if not values:
            flags.append(option)
            continue
        option |= _value(values[0])
        if spec.get("isRequired"):
            option["required"] = True
        if spec.get("isRepeatable") or values[0].get("isVariadic"):
            option["repeatable"] = True
        args.append(option)
    return args, flags


def _positionals(specs: list[Node], taken: set[str]) -> list[Node]:
    made: list[Node] = []
    optional = False
    for number, spec in enumerate(specs, 1):
        words = re.sub(r"[^a-z0-9]+", "-", " ".join(_names(spec)[:1]).lower()).strip("-")
        name = words[:30].strip("-") or f"arg{number}"
        while name in taken:
            name += "-arg"
        taken.add(name)
        optional = optional or bool(spec.get("isOptional"))
        arg: Node = {"name": name, "positional": True, "description": _text(spec)} | _value(spec)
        if not optional:
            arg["required"] = True
        if spec.get("isVariadic"):
            arg["repeatable"] = True
        made.append(arg)
        if spec.get("isVariadic"):
            break  # nothing can be told apart behind it
    return made


def _value(spec: Node) -> Node:
    """Type, choices, default and kind of one value."""
    suggestions = spec.get("suggestions") or []
    choices = [
        s for s in (one if isinstance(one, str) else _first(one) for one in suggestions) if s
    ]
    value: Node = {"type": "string"}
    if len(choices) > 1 and len(choices) == len(suggestions) and not spec.get("generators"):
        value = {"type": {"enum": list(dict.fromkeys(choices))}}
    else:
        kind = _NUMBERS.get(" ".join(_names(spec)[:1]).lower())
        value = {"type": kind} if kind else value
        for template in _list_of_text(spec.get("template")):
            if template in _TEMPLATES:
                value["semantic"] = _TEMPLATES[template]
    if spec.get("default") not in (None, "") and value["type"] == "string":
        value["default"] = str(spec["default"])
    return value


def _first(node: Any) -> str:
    return next(iter(_names(node)), "") if isinstance(node, dict) else ""


def _names(spec: Node) -> list[str]:
    return _list_of_text(spec.get("name"))


def _list_of_text(value: Any) -> list[str]:
    values: Iterable[Any] = value if isinstance(value, list) else [value]
    return [one for one in values if isinstance(one, str)]


def _list(value: Any) -> list[Node]:
    values: Iterable[Any] = value if isinstance(value, list) else [value]
    return [one for one in values if isinstance(one, dict)]


def _text(spec: Node) -> str:
    """The description's first line, at most 160 characters."""
    text = spec.get("description")
    first = text.strip().split("\n")[0] if isinstance(text, str) else ""
    return first[:160].strip()
