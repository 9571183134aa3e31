"""Typed model of a CLI's schema (docs/schema-format.md) and its canonical hashes.

Reads nothing and writes nothing: ``load.py`` makes these objects from YAML.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Collection, Iterator, Mapping
from functools import cached_property
from typing import Any, Literal

from pydantic import BaseModel, ConfigDict, Field, field_validator, model_validator

from clitron_dagster.schema.semantics import infer_semantic

ValueType = Literal["string", "integer", "number", "boolean", "enum"]
Effect = Literal["read", "write", "destructive"]
EFFECTS: tuple[Effect, ...] = ("read", "write", "destructive")
TYPE_NAMES = {
    "str": "string", "text": "string", "path": "string", "file": "string",
    "int": "integer", "float": "number", "bool": "boolean", "choice": "enum",
}  # fmt: skip


def _as_tuple(value: Any) -> Any:
    """Accept ``phrase`` where a list of phrases is meant, and nothing where it is left empty."""
    if value is None:
        return ()
    return (value,) if isinstance(value, str) else value


class _Node(BaseModel):
    model_config = ConfigDict(frozen=True, extra="ignore")


class _Option(_Node):
    """What arguments and flags have in common."""

    name: str = Field(min_length=1)
    short: str | None = Field(default=None, min_length=1, max_length=1)
    description: str = ""
    natural_language: tuple[str, ...] = ()
    conflicts: tuple[str, ...] = ()
    requires: tuple[str, ...] = ()

    _tuples = field_validator("natural_language", "conflicts", "requires", mode="before")(_as_tuple)


class Arg(_Option):
    """An option or positional that takes a value."""

    _prefixes = field_validator("effect_prefixes", mode="before")(_as_tuple)

    type: ValueType = "string"
    choices: tuple[str, ...] = ()
    required: bool = False
    default: Any = None
    positional: bool = False
    separator: bool = False
    repeatable: bool = False
    effect: Effect | None = None
    effect_prefixes: tuple[str, ...] = ()  # then only values that begin so have the effect
    semantic: str = ""
    samples: tuple[Any, ...] = ()

    @model_validator(mode="before")
    @classmethod
    def _spellings(cls, data: Any) -> Any:
        if not isinstance(data, Mapping):
            return data
        data = {key: value for key, value in data.items() if value is not None or key == "default"}
        kind = data.get("type", "string")
        choices = data.get("choices") or data.get("enum") or data.get("values") or ()
        if isinstance(kind, Mapping):
            choices = kind.get("enum") or kind.get("choices") or ()
            kind = "enum"
        elif isinstance(kind, list):
            choices, kind = kind, "enum"
        elif isinstance(kind, str):
            kind = TYPE_NAMES.get(kind.lower(), kind.lower())
            if kind in ("array", "list"):
                kind, data["repeatable"] = "string", True
        if choices and kind == "string":
            kind = "enum"
        if isinstance(choices, list | tuple):
            choices = tuple(c if isinstance(c, str) else json.dumps(c) for c in choices)
        return {**data, "type": kind, "choices": choices}

    @model_validator(mode="after")
    def _fill_semantic(self) -> Arg:
        if not self.semantic:  # frozen for others, not yet for itself
            object.__setattr__(self, "semantic", infer_semantic(self.name, self.type))
        return self

    def effect_of(self, value: Any) -> Effect | None:
        """What giving this value does: ``git push origin +main`` overwrites, ``main`` does not."""
        values = value if isinstance(value, list) else [value]
        if self.effect_prefixes and not any(
            str(v).startswith(self.effect_prefixes) for v in values
        ):
            return None
        return self.effect


class Flag(_Option):
    """A boolean option: it is there or not."""

    effect: Effect | None = None


class Example(_Node):
    """A request that the CLI's author answered."""

    request: str = Field(min_length=1)
    args: dict[str, Any] = {}
    flags: tuple[str, ...] = ()
    context: dict[str, Any] | None = None


class Command(_Node):
    """A node of the command tree: a group when it has subcommands, else a runnable unit."""

    name: str = Field(min_length=1)
    description: str = ""
    aliases: tuple[str, ...] = ()
    effect: Effect = "write"
    natural_language: tuple[str, ...] = ()
    args: tuple[Arg, ...] = ()
    flags: tuple[Flag, ...] = ()
    examples: tuple[Example, ...] = ()
    subcommands: tuple[Command, ...] = ()

    _tuples = field_validator("natural_language", "aliases", mode="before")(_as_tuple)

    @field_validator("args", "flags", "examples", "subcommands", mode="before")
    @classmethod
    def _empty(cls, value: Any) -> Any:
        return () if value is None else value


class Unit(BaseModel):
    """A runnable command with its path; what generation, answers and staleness work on."""

    model_config = ConfigDict(frozen=True)

    command: str
    subcommand: str | None
    node: Command
    parents: tuple[Command, ...]

    @property
    def key(self) -> str:
        """``pr merge``, or ``status`` for a command without subcommands."""
        return self.command if self.subcommand is None else f"{self.command} {self.subcommand}"

    @property
    def path(self) -> tuple[str, ...]:
        """Names from the command down, as they stand in argv after the program."""
        return (*(parent.name for parent in self.parents), self.node.name)

    @property
    def args(self) -> tuple[Arg, ...]:
        return self.node.args

    @property
    def flags(self) -> tuple[Flag, ...]:
        return self.node.flags

    @property
    def positionals(self) -> tuple[Arg, ...]:
        return tuple(arg for arg in self.args if arg.positional)

    def arg(self, name: str) -> Arg | None:
        return next((arg for arg in self.args if arg.name == name), None)

    def flag(self, name: str) -> Flag | None:
        return next((flag for flag in self.flags if flag.name == name), None)

    def effect_with(self, args: Mapping[str, Any], flags: Collection[str]) -> Effect:
        """The unit's effect, raised by those of the options given that declare a stronger one."""
        effects = [
            self.node.effect,
            *(arg.effect_of(args[arg.name]) for arg in self.args if arg.name in args),
            *(flag.effect for flag in self.flags if flag.name in flags),
        ]
        return max((effect for effect in effects if effect), key=EFFECTS.index)


class ContextKey(_Node):
    """A fact of the user's surroundings that this CLI understands."""

    semantic: str = ""
    description: str = ""


class Schema(_Node):
    """One CLI."""

    cli_name: str = Field(pattern=r"^[A-Za-z0-9][A-Za-z0-9_.-]*$")
    description: str = ""
    context: dict[str, ContextKey] = {}
    pipeline: dict[str, Any] = {}
    commands: tuple[Command, ...] = Field(min_length=1)

    @field_validator("context", mode="before")
    @classmethod
    def _context_list(cls, value: Any) -> Any:
        if value is None:
            return {}
        if isinstance(value, list):
            value = {key: {} for key in value}
        if not isinstance(value, Mapping):
            return value
        return {
            key: {"semantic": infer_semantic(key.rsplit(".", 1)[-1], "context"), **(spec or {})}
            for key, spec in value.items()
        }

    @field_validator("pipeline", mode="before")
    @classmethod
    def _no_pipeline(cls, value: Any) -> Any:
        return {} if value is None else value

    @cached_property
    def units(self) -> tuple[Unit, ...]:
        return tuple(unit for command in self.commands for unit in _units(command, ()))

    @cached_property
    def _units_by_path(self) -> dict[tuple[str, str | None], Unit]:
        return {(unit.command, unit.subcommand): unit for unit in self.units}

    def unit(self, command: str, subcommand: str | None) -> Unit | None:
        return self._units_by_path.get((command, subcommand))

    @property
    def hash(self) -> str:
        """Canonical hash of everything that the file says, whatever its layout and comments."""
        return digest(self.model_dump(mode="json"))

    def unit_hashes(self) -> dict[str, str]:
        """``unit key → hash`` of all that concerns the unit: itself and its groups' words."""
        groups = {"subcommands", "args", "flags", "examples"}
        return {
            unit.key: digest(
                [
                    unit.node.model_dump(mode="json"),
                    [parent.model_dump(mode="json", exclude=groups) for parent in unit.parents],
                ]
            )
            for unit in self.units
        }

    def legality(self) -> dict[str, Any]:
        """What decides whether an answer is legal and how it is written; no words, no examples."""
        words = {"description", "natural_language", "samples", "semantic"}
        return {
            "cli_name": self.cli_name,
            "units": {
                unit.key: {
                    "effect": unit.node.effect,
                    "args": [arg.model_dump(mode="json", exclude=words) for arg in unit.args],
                    "flags": [flag.model_dump(mode="json", exclude=words) for flag in unit.flags],
                }
                for unit in self.units
            },
        }


def _units(node: Command, parents: tuple[Command, ...]) -> Iterator[Unit]:
    if node.subcommands:
        for child in node.subcommands:
            yield from _units(child, (*parents, node))
        return
    path = (*(parent.name for parent in parents), node.name)
    yield Unit(command=path[0], subcommand=" ".join(path[1:]) or None, node=node, parents=parents)


def digest(value: Any) -> str:
    """First 16 hex digits of the SHA-256 of a value's canonical JSON."""
    text = json.dumps(value, sort_keys=True, separators=(",", ":"), ensure_ascii=False, default=str)
    return hashlib.sha256(text.encode()).hexdigest()[:16]
