"""Load ``schemas/<cli>.yaml`` into a :class:`Schema`, or refuse it in words a person can act on.

A schema file is untrusted input: size, nesting and YAML aliases are bounded, and only plain data is
constructed.
"""

from __future__ import annotations

import difflib
import re
from collections.abc import Iterator
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from typing import Any

import yaml
from pydantic import BaseModel, ValidationError

from clitron_dagster.errors import ClitronError
from clitron_dagster.schema.model import (
    Arg,
    Command,
    ContextKey,
    Example,
    Flag,
    Schema,
    Unit,
)

MAX_BYTES = 8 * 1024 * 1024
MAX_NODES = 500_000  # after aliases are expanded
_Path = tuple[str | int, ...]
_MODELS: tuple[type[BaseModel], ...] = (Schema, Command, Arg, Flag, Example, ContextKey)
_KNOWN_KEYS: dict[type[BaseModel], set[str]] = {model: set(model.model_fields) for model in _MODELS}
_KNOWN_KEYS[Arg] |= {"enum", "values"}


@dataclass(frozen=True)
class Fault:
    """One thing wrong with a schema file."""

    path: _Path
    problem: str
    remedy: str
    line: int = 0


class SchemaError(ClitronError):
    """A schema file that cannot be used, with every fault that was found."""

    def __init__(self, file: Path | str, faults: list[Fault]):
        self.file = str(file)
        self.faults = faults
        super().__init__("\n".join(_format(self.file, fault) for fault in faults))


def _format(file: str, fault: Fault) -> str:
    where = f"{file}:{fault.line}" if fault.line else file
    path = f" at {_dotted(fault.path)}" if fault.path else ""
    return f"{where}{path}: {fault.problem}; {fault.remedy}"


def _dotted(path: _Path) -> str:
    return "".join(f"[{p}]" if isinstance(p, int) else f".{p}" for p in path).lstrip(".")


def load_schema(file: Path | str) -> Schema:
    """Read one schema file; a file that has not changed since is not read again.

    Raises:
        SchemaError: the file is missing, not UTF-8, not YAML, or not a sound schema.
    """
    file = Path(file)
    try:
        stat = file.stat()
    except OSError:
        return _load(file)  # which says what is wrong
    return _load_unchanged(file, (stat.st_mtime_ns, stat.st_size, stat.st_ino))


@lru_cache(maxsize=64)
def _load_unchanged(file: Path, _state: tuple[int, int, int]) -> Schema:
    return _load(file)


def _load(file: Path) -> Schema:
    root, data = _parse(file)
    lines = dict(_lines(root, ()))

    def located(faults: list[Fault]) -> SchemaError:
        found = [Fault(f.path, f.problem, f.remedy, _line_of(lines, f.path)) for f in faults]
        return SchemaError(file, sorted(found, key=lambda fault: fault.line))

    if not isinstance(data, dict):
        problem = "the file is empty" if data is None else "the file is not a mapping"
        raise located([Fault((), problem, "start it with `cli_name:` and `commands:`")])
    try:
        schema = Schema.model_validate(data)
    except ValidationError as error:
        # pydantic also calls a list too short whose items were refused
        found = [e for e in error.errors() if e["type"] != "too_short" or not e["input"]]
        raise located([_from_pydantic(e) for e in found]) from None
    faults = list(_faults(schema, file))
    if faults:
        raise located(faults)
    return schema


def schema_warnings(file: Path | str) -> list[str]:
    """Keys that the loader ignores, each with a guess of what was meant. Empty for a clean file."""
    _, data = _parse(Path(file))
    return list(_unknown_keys(data, Schema, ())) if isinstance(data, dict) else []


def _parse(file: Path) -> tuple[yaml.Node | None, Any]:
    try:
        if file.stat().st_size > MAX_BYTES:
            remedy = f"keep it under {MAX_BYTES // 2**20} MiB"
            raise SchemaError(file, [Fault((), "the file is too large", remedy)])
        text = file.read_bytes().decode("utf-8-sig")
    except FileNotFoundError:
        raise SchemaError(
            file, [Fault((), "there is no such file", "`clitron schemas` lists what is there")]
        ) from None
    except UnicodeDecodeError as error:
        problem = f"byte {error.start} is not UTF-8"
        raise SchemaError(file, [Fault((), problem, "save the file as UTF-8")]) from None
    except OSError as error:
        problem = f"the file cannot be read ({error.strerror})"
        raise SchemaError(file, [Fault((), problem, "check its permissions")]) from None
    try:
        root = yaml.compose(text, Loader=yaml.CSafeLoader)
        if root is not None and _expanded_size(root, {}) > MAX_NODES:
            problem = "it holds too many nodes once its aliases are expanded"
            raise SchemaError(file, [Fault((), problem, "write the parts out, without aliases")])
        _refuse_duplicate_keys(root, file)
        return root, yaml.load(text, Loader=yaml.CSafeLoader)
    except yaml.YAMLError as error:
        mark = getattr(error, "problem_mark", None)
        problem = f"this is not valid YAML ({getattr(error, 'problem', None) or 'malformed'})"
        remedy = "check indentation, and quote text that holds `:`, `#`, `{` or starts with `@`"
        line = mark.line + 1 if mark else 0
        raise SchemaError(file, [Fault((), problem, remedy, line)]) from None


def _expanded_size(node: yaml.Node, seen: dict[int, int]) -> int:
    if id(node) in seen:
        if seen[id(node)] < 0:  # an alias to its own parent
            raise yaml.YAMLError("an alias refers to itself")
        return seen[id(node)]
    seen[id(node)] = -1
    size = 1
    if isinstance(node, yaml.MappingNode):
        size += sum(_expanded_size(k, seen) + _expanded_size(v, seen) for k, v in node.value)
    elif isinstance(node, yaml.SequenceNode):
        size += sum(_expanded_size(item, seen) for item in node.value)
    seen[id(node)] = size
    return size


def _refuse_duplicate_keys(root: yaml.Node | None, file: Path) -> None:
    """PyYAML keeps the last of two equal keys in silence, which would drop a person's work."""
    faults = []
    for path, node in _walk(root, ()):
        if isinstance(node, yaml.MappingNode):
            names = [key.value for key, _ in node.value if key.tag != "tag:yaml.org,2002:merge"]
            for position, name in enumerate(names):
                if name in names[:position]:
                    line = node.value[position][0].start_mark.line + 1
                    remedy = "merge the two into one"
                    faults.append(Fault((*path, name), f"`{name}` stands twice", remedy, line))
    if faults:
        raise SchemaError(file, faults)


def _walk(node: yaml.Node | None, path: _Path) -> Iterator[tuple[_Path, yaml.Node]]:
    if node is None:
        return
    yield path, node
    if isinstance(node, yaml.MappingNode):
        for key, value in node.value:
            yield from _walk(value, (*path, str(key.value)))
    elif isinstance(node, yaml.SequenceNode):
        for index, value in enumerate(node.value):
            yield from _walk(value, (*path, index))


def _lines(root: yaml.Node | None, path: _Path) -> Iterator[tuple[_Path, int]]:
    for where, node in _walk(root, path):
        yield where, node.start_mark.line + 1


def _line_of(lines: dict[_Path, int], path: _Path) -> int:
    while path and path not in lines:
        path = path[:-1]
    return lines.get(path, 0)


def _from_pydantic(error: Any) -> Fault:
    path: _Path = tuple(error["loc"])
    kind, given = error["type"], error.get("input")
    if kind == "missing":
        return Fault(path, f"`{path[-1]}` is missing", f"add `{path[-1]}:`")
    if kind == "literal_error":
        expected = error["ctx"]["expected"].replace("'", "`")
        return Fault(
            path, f"`{given}` is not known here", f"use {expected}{_guess(given, expected)}"
        )
    if kind == "too_short" and path == ("commands",):
        return Fault(path, "the schema has no commands", "add at least one under `commands:`")
    if kind in ("string_type", "string_sub_type"):
        shown = f"{given!r} is not text"
        return Fault(path, shown, f'put it in quotes: "{given}"')
    if kind == "string_pattern_mismatch":
        return Fault(path, f"`{given}` is not a name", "use letters, digits, `-`, `_` and `.`")
    return Fault(path, error["msg"].removeprefix("Value error, "), f"it now reads {given!r:.60}")


def _guess(word: Any, known: Any) -> str:
    names = re.findall(r"`([^`]+)`", known) if isinstance(known, str) else [str(k) for k in known]
    close = difflib.get_close_matches(str(word), names, n=1)
    return f" (did you mean `{close[0]}`?)" if close else ""


def _unknown_keys(data: Any, model: type[BaseModel], path: _Path) -> Iterator[str]:
    children: dict[str, type[BaseModel]] = {
        "commands": Command,
        "subcommands": Command,
        "args": Arg,
        "flags": Flag,
        "examples": Example,
    }
    if not isinstance(data, dict):
        return
    for key, value in data.items():
        if key not in _KNOWN_KEYS[model]:
            guess = _guess(key, _KNOWN_KEYS[model])
            yield f"{_dotted((*path, key))} is not a key of the format and is ignored{guess}"
        elif key in children and isinstance(value, list) and model in (Schema, Command):
            for index, item in enumerate(value):
                yield from _unknown_keys(item, children[key], (*path, key, index))


# -- faults that only the whole schema shows -----------------------------------------------------


def _faults(schema: Schema, file: Path) -> Iterator[Fault]:
    if schema.cli_name != file.stem:
        remedy = f"rename the file to {schema.cli_name}.yaml, or set `cli_name: {file.stem}`"
        problem = f"`{schema.cli_name}` differs from the file's name"
        yield Fault(("cli_name",), problem, remedy)
    yield from _duplicates(schema.commands, ("commands",), "command", with_aliases=True)
    for index, command in enumerate(schema.commands):
        yield from _command_faults(command, ("commands", index))
    for unit in schema.units:
        yield from _example_faults(schema, unit, _path_of(schema, unit))


def _path_of(schema: Schema, unit: Unit) -> _Path:
    path: _Path = ()
    nodes, key = schema.commands, "commands"
    for wanted in (*unit.parents, unit.node):
        path = (*path, key, next(i for i, node in enumerate(nodes) if node is wanted))
        nodes, key = wanted.subcommands, "subcommands"
    return path


def _duplicates(
    nodes: tuple[Any, ...], path: _Path, noun: str, *, with_aliases: bool = False
) -> Iterator[Fault]:
    owners: dict[str, int] = {}
    for index, node in enumerate(nodes):
        for name in (node.name, *(node.aliases if with_aliases else ())):
            if owners.setdefault(name, index) != index:
                problem = f"two {noun}s are called `{name}`"
                yield Fault((*path, index), problem, "rename or remove one of them")


def _command_faults(command: Command, path: _Path) -> Iterator[Fault]:
    if re.search(r"\s", command.name) or command.name.startswith("-"):
        remedy = "use one word; deeper commands nest under `subcommands:`"
        yield Fault((*path, "name"), f"`{command.name}` is not a command's name", remedy)
    if command.subcommands:
        if command.args or command.flags or command.examples:
            problem = f"`{command.name}` has subcommands, so it cannot take args or flags itself"
            yield Fault(path, problem, "move them into the subcommands that take them")
        yield from _duplicates(
            command.subcommands, (*path, "subcommands"), "subcommand", with_aliases=True
        )
        for index, child in enumerate(command.subcommands):
            yield from _command_faults(child, (*path, "subcommands", index))
        return
    yield from _option_faults(command, path)


def _option_faults(command: Command, path: _Path) -> Iterator[Fault]:
    options: list[Arg | Flag] = [*command.args, *command.flags]
    places: list[_Path] = [(*path, "args", i) for i in range(len(command.args))]
    places += [(*path, "flags", i) for i in range(len(command.flags))]
    names: dict[str, _Path] = {}
    shorts: dict[str, str] = {}
    for option, place in zip(options, places, strict=True):
        if re.search(r"[\s=]", option.name) or option.name.startswith("-"):
            bare = option.name.split("=")[0].strip(" -")
            yield Fault(place, f"`{option.name}` is not an option's name", f"write `{bare}`")
        if option.name in names:
            problem = f"two options of `{command.name}` are called `{option.name}`"
            yield Fault(place, problem, "rename or remove one of them")
        names[option.name] = place
        if option.short and shorts.setdefault(option.short, option.name) != option.name:
            problem = f"`-{option.short}` already belongs to `{shorts[option.short]}`"
            yield Fault((*place, "short"), problem, "give one of them another letter")
    for option, place in zip(options, places, strict=True):
        for relation in ("conflicts", "requires"):
            for other in getattr(option, relation):
                if other not in names or other == option.name:
                    problem = f"`{other}` is not another option of `{command.name}`"
                    remedy = f"name one of its args or flags{_guess(other, names)}"
                    yield Fault((*place, relation), problem, remedy)
        for both in set(option.conflicts) & set(option.requires):
            problem = f"`{option.name}` both conflicts with and requires `{both}`"
            yield Fault(place, problem, "keep one of the two")
    yield from _arg_faults(command, path)


def _arg_faults(command: Command, path: _Path) -> Iterator[Fault]:
    behind_optional = behind_repeatable = False
    for index, arg in enumerate(command.args):
        place = (*path, "args", index)
        if arg.type == "enum" and not arg.choices:
            remedy = "write `type: {enum: [a, b]}` or add `choices: [a, b]`"
            yield Fault(place, f"`{arg.name}` is an enum without choices", remedy)
        if len(set(arg.choices)) != len(arg.choices):
            yield Fault(place, f"`{arg.name}` names a choice twice", "remove the second one")
        if not arg.positional:
            continue
        if arg.required and behind_optional:
            problem = f"required positional `{arg.name}` stands behind an optional one"
            yield Fault(place, problem, "put the required ones first, or make this one optional")
        if behind_repeatable and not (arg.required or arg.separator):
            problem = f"optional positional `{arg.name}` stands behind a repeatable one"
            yield Fault(place, problem, "make the last positional the repeatable one")
        behind_optional |= not arg.required
        behind_repeatable |= arg.repeatable


def _example_faults(schema: Schema, unit: Unit, path: _Path) -> Iterator[Fault]:
    from clitron_dagster.answer import command_answer, problems  # answers are defined on schemas

    for index, example in enumerate(unit.node.examples):
        answer = command_answer(schema, unit, example.args, list(example.flags))
        for problem in problems(schema, answer):
            place = (*path, "examples", index)
            yield Fault(place, f'"{example.request}": {problem}', "mend the example or the schema")
