"""What must come next in an answer that is half written: most of an answer decides nothing.

Behind ``{"type":"command","command":"pu`` there may be one command left that the schema has, and
behind its name comes ``","subcommand":null,"args":{`` whatever the model thinks. Such text can be
filled in without asking the model token by token. The same shapes as ``grammar.py``, read the other way
round; ``clitron_dagster_tests/inference/test_outline.py`` holds the two together.
"""

from __future__ import annotations

import itertools
import json
import re
from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from typing import NamedTuple

from clitron_dagster.inference.option_states import State, Step, option_states
from clitron_dagster.schema import Arg, Schema, Unit

_STRING_REST = re.compile(r'(?:[^"\\]|\\.)*"', re.DOTALL)
_NUMBER = re.compile(r"-?\d+(?:\.\d+)?")


@dataclass(frozen=True)
class Free:
    """Text that the model chooses: ``shape`` matches it with what ends it."""

    shape: re.Pattern[str]
    then: Callable[[], Node]

    @property
    def open_ended(self) -> bool:
        """Whether what matches so far may go on."""
        return self.shape is _NUMBER


class Way(NamedTuple):
    """A text, and what follows it. ``label``, for who judges ways by their meaning, is a kind with up
    to two names: ``("command", command, None)``, ``("unit", unit key, command)``, ``("option", unit
    key, option)``, ``("end", unit key, None)`` for no more options, ``("kind", "?" or "", None)``."""

    text: str
    then: Callable[[], Node]
    label: tuple[str, str, str | None] = ("", "", None)


@dataclass(frozen=True)
class Choice:
    """One of several texts, none the beginning of another. Without any, the answer ends."""

    ways: tuple[Way, ...]


Node = Free | Choice
END = Choice(())


class Outline:
    """The answers of one schema, up to the end of their meaning (``answer.answer_end``)."""

    def __init__(self, schema: Schema) -> None:
        self.schema = schema
        self._steps: dict[str, dict[State, Step]] = {}
        self.start = Choice(
            (
                Way(
                    '{"type":"command","command":',
                    lambda: self._commands(self._args),
                    ("kind", "", None),
                ),
                Way('{"type":"clarification","message":"', self._message, ("kind", "?", None)),
            )
        )

    def forced(self, text: str) -> str:
        """What follows ``text`` in every answer that begins with it; ``""`` where several may."""
        node, written = self.place(text)
        return "" if isinstance(node, Free) else _common(node, written)

    def place(self, text: str) -> tuple[Node, str]:
        """The node that ``text`` ends in, and what of it is written already."""
        node: Node = self.start
        place = 0
        while True:
            if isinstance(node, Free):
                found = node.shape.match(text, place)
                if found is None or (node.open_ended and found.end() == len(text)):
                    return node, text[place:]
                place, node = found.end(), node.then()
                continue
            taken = next((way for way in node.ways if text.startswith(way.text, place)), None)
            if taken is None:
                return node, text[place:]
            place, node = place + len(taken.text), taken.then()

    # -- the parts of an answer ---------------------------------------------------------------------

    def _commands(self, then: Callable[[Unit], Node]) -> Node:
        names = dict.fromkeys(unit.command for unit in self.schema.units)
        return Choice(
            tuple(
                Way(
                    f'{_json(name)},"subcommand":',
                    partial(self._subcommands, name, then),
                    ("command", name, None) if then == self._args else ("", "", None),
                )
                for name in names
            )
        )

    def _subcommands(self, command: str, then: Callable[[Unit], Node]) -> Node:
        units = [unit for unit in self.schema.units if unit.command == command]
        labelled = then == self._args
        return Choice(
            tuple(
                Way(
                    _json(unit.subcommand),
                    partial(then, unit),
                    ("unit", unit.key, command) if labelled else ("", "", None),
                )
                for unit in units
            )
        )

    def _args(self, unit: Unit) -> Node:
        if unit.key not in self._steps:
            self._steps[unit.key] = option_states(unit)
        start = next(iter(self._steps[unit.key]))
        return Choice((Way(',"args":{', lambda: self._rest_of_args(unit, start, "")),))

    def _rest_of_args(self, unit: Unit, state: State, comma: str) -> Node:
        ways, end = self._options(unit, state, len(unit.args), comma)
        if end is not None:
            label = ("end", unit.key, None)
            ways.append(Way('},"flags":[', lambda: self._rest_of_flags(unit, end, ""), label))
        return Choice(tuple(ways))

    def _rest_of_flags(self, unit: Unit, state: State, comma: str) -> Node:
        ways, end = self._options(unit, state, len(unit.args) + len(unit.flags), comma)
        if end is not None:
            ways.append(Way("]", lambda: END, ("end", unit.key, None)))
        return Choice(tuple(ways))

    def _options(
        self, unit: Unit, state: State, last: int, comma: str
    ) -> tuple[list[Way], State | None]:
        """The options before ``last`` that may be written next, and the state behind all of them,
        where it can be reached by leaving them out."""
        ways: list[Way] = []
        here: State | None = state
        while here is not None and here.index < last:
            step = self._steps[unit.key][here]
            if step.take is not None:
                ways.append(self._option(unit, here.index, step.take, comma))
            here = step.skip
        return ways, here

    def _option(self, unit: Unit, index: int, after: State, comma: str) -> Way:
        if index >= len(unit.args):
            flag = unit.flags[index - len(unit.args)].name
            label = ("option", unit.key, flag)
            return Way(comma + _json(flag), lambda: self._rest_of_flags(unit, after, ","), label)
        arg = unit.args[index]
        opening, value = _value(arg, lambda: self._rest_of_args(unit, after, ","))
        return Way(f"{comma}{_json(arg.name)}:{opening}", value, ("option", unit.key, arg.name))

    def _message(self) -> Node:
        return Free(
            _STRING_REST, lambda: Choice((Way(',"suggestions":[', self._first_suggestion),))
        )

    def _first_suggestion(self) -> Node:
        return Choice((Way('{"label":"', self._label), Way("]", lambda: END)))

    def _label(self) -> Node:
        return Free(
            _STRING_REST, lambda: Choice((Way(',"command":', lambda: self._commands(self._named)),))
        )

    def _named(self, _: Unit) -> Node:
        return Choice((Way("},{" + '"label":"', self._label), Way("}]", lambda: END)))


def _value(arg: Arg, then: Callable[[], Node]) -> tuple[str, Callable[[], Node]]:
    """The text that a value begins with, and what follows that."""
    if arg.repeatable:
        opening, first = _single(arg, lambda: _more(arg, then))
        return f"[{opening}", first
    return _single(arg, then)


def _more(arg: Arg, then: Callable[[], Node]) -> Node:
    opening, next_one = _single(arg, lambda: _more(arg, then))
    return Choice((Way(f",{opening}", next_one), Way("]", then)))


def _single(arg: Arg, then: Callable[[], Node]) -> tuple[str, Callable[[], Node]]:
    if arg.type == "string":
        return '"', lambda: Free(_STRING_REST, then)
    if arg.type in ("integer", "number"):
        return "", lambda: Free(_NUMBER, then)
    texts = ["true", "false"] if arg.type == "boolean" else [_json(one) for one in arg.choices]
    return "", lambda: Choice(tuple(Way(text, then) for text in texts))


def _common(node: Choice, written: str) -> str:
    """What all ways that begin with ``written`` share beyond it."""
    ways = [way for way in node.ways if way.text.startswith(written)]
    if not ways:
        return ""  # no answer of this schema, or its end
    columns = zip(*(way.text for way in ways), strict=False)
    shared = "".join(c[0] for c in itertools.takewhile(lambda c: len(set(c)) == 1, columns))
    if len(ways) == 1:
        node_behind = ways[0].then()
        shared += _common(node_behind, "") if isinstance(node_behind, Choice) else ""
    return shared[len(written) :]


def _json(value: str | None) -> str:
    return json.dumps(value, ensure_ascii=False)
