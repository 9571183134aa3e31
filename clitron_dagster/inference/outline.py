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

from clitron_dagster.inference.option_states import State, Step, option_states
from clitron_dagster.schema import Arg, Schema, Unit

_STRING_REST = re.compile(r'(?:[^"\\]|\\.)*"', re.DOTALL)
_NUMBER = re.compile(r"-?\d+(?:\.\d+)?")


@dataclass(frozen=True)
class Free:
    """Text that the model chooses: ``shape`` matches it with what ends it."""

    shape: re.Pattern[str]
    then: Callable[[], Node]


@dataclass(frozen=True)
class Choice:
    """One of several texts, none the beginning of another. Without any, the answer ends."""

    ways: tuple[tuple[str, Callable[[], Node]], ...]


Node = Free | Choice
END = Choice(())


class Outline:
    """The answers of one schema, up to the end of their meaning (``answer.answer_end``)."""

    def __init__(self, schema: Schema) -> None:
        self.schema = schema
        self._steps: dict[str, dict[State, Step]] = {}
        self._start = Choice(
            (
                ('{"type":"command","command":', lambda: self._commands(self._args)),
                ('{"type":"clarification","message":"', self._message),
            )
        )

    def forced(self, text: str) -> str:
        """What follows ``text`` in every answer that begins with it; ``""`` where several may."""
        node: Node = self._start
        place = 0
        while True:
            if isinstance(node, Free):
                found = node.shape.match(text, place)
                if found is None or (node.shape is _NUMBER and found.end() == len(text)):
                    return ""
                place, node = found.end(), node.then()
                continue
            taken = next((way for way in node.ways if text.startswith(way[0], place)), None)
            if taken is None:
                return _common(node, text[place:])
            place, node = place + len(taken[0]), taken[1]()

    # -- the parts of an answer ---------------------------------------------------------------------

    def _commands(self, then: Callable[[Unit], Node]) -> Node:
        names = dict.fromkeys(unit.command for unit in self.schema.units)
        return Choice(
            tuple(
                (f'{_json(name)},"subcommand":', partial(self._subcommands, name, then))
                for name in names
            )
        )

    def _subcommands(self, command: str, then: Callable[[Unit], Node]) -> Node:
        units = [unit for unit in self.schema.units if unit.command == command]
        return Choice(tuple((_json(unit.subcommand), partial(then, unit)) for unit in units))

    def _args(self, unit: Unit) -> Node:
        if unit.key not in self._steps:
            self._steps[unit.key] = option_states(unit)
        start = next(iter(self._steps[unit.key]))
        return Choice(((',"args":{', lambda: self._rest_of_args(unit, start, "")),))

    def _rest_of_args(self, unit: Unit, state: State, comma: str) -> Node:
        ways, end = self._options(unit, state, len(unit.args), comma)
        if end is not None:
            ways.append(('},"flags":[', lambda: self._rest_of_flags(unit, end, "")))
        return Choice(tuple(ways))

    def _rest_of_flags(self, unit: Unit, state: State, comma: str) -> Node:
        ways, end = self._options(unit, state, len(unit.args) + len(unit.flags), comma)
        if end is not None:
            ways.append(("]", lambda: END))
        return Choice(tuple(ways))

    def _options(
        self, unit: Unit, state: State, last: int, comma: str
    ) -> tuple[list[tuple[str, Callable[[], Node]]], State | None]:
        """The options before ``last`` that may be written next, and the state behind all of them,
        where it can be reached by leaving them out."""
        ways: list[tuple[str, Callable[[], Node]]] = []
        here: State | None = state
        while here is not None and here.index < last:
            step = self._steps[unit.key][here]
            if step.take is not None:
                ways.append(self._option(unit, here.index, step.take, comma))
            here = step.skip
        return ways, here

    def _option(
        self, unit: Unit, index: int, after: State, comma: str
    ) -> tuple[str, Callable[[], Node]]:
        if index >= len(unit.args):
            name = _json(unit.flags[index - len(unit.args)].name)
            return comma + name, lambda: self._rest_of_flags(unit, after, ",")
        arg = unit.args[index]
        opening, value = _value(arg, lambda: self._rest_of_args(unit, after, ","))
        return f"{comma}{_json(arg.name)}:{opening}", value

    def _message(self) -> Node:
        return Free(_STRING_REST, lambda: Choice(((',"suggestions":[', self._first_suggestion),)))

    def _first_suggestion(self) -> Node:
        return Choice((('{"label":"', self._label), ("]", lambda: END)))

    def _label(self) -> Node:
        return Free(
            _STRING_REST, lambda: Choice(((',"command":', lambda: self._commands(self._named)),))
        )

    def _named(self, _: Unit) -> Node:
        return Choice((("},{" + '"label":"', self._label), ("}]", lambda: END)))


def _value(arg: Arg, then: Callable[[], Node]) -> tuple[str, Callable[[], Node]]:
    """The text that a value begins with, and what follows that."""
    if arg.repeatable:
        opening, first = _single(arg, lambda: _more(arg, then))
        return f"[{opening}", first
    return _single(arg, then)


def _more(arg: Arg, then: Callable[[], Node]) -> Node:
    opening, next_one = _single(arg, lambda: _more(arg, then))
    return Choice(((f",{opening}", next_one), ("]", then)))


def _single(arg: Arg, then: Callable[[], Node]) -> tuple[str, Callable[[], Node]]:
    if arg.type == "string":
        return '"', lambda: Free(_STRING_REST, then)
    if arg.type in ("integer", "number"):
        return "", lambda: Free(_NUMBER, then)
    texts = ["true", "false"] if arg.type == "boolean" else [_json(one) for one in arg.choices]
    return "", lambda: Choice(tuple((text, then) for text in texts))


def _common(node: Choice, written: str) -> str:
    """What all ways that begin with ``written`` share beyond it."""
    ways = [way for way in node.ways if way[0].startswith(written)]
    if not ways:
        return ""  # no answer of this schema, or its end
    columns = zip(*(text for text, _ in ways), strict=False)
    shared = "".join(c[0] for c in itertools.takewhile(lambda c: len(set(c)) == 1, columns))
    if len(ways) == 1:
        node_behind = ways[0][1]()
        shared += _common(node_behind, "") if isinstance(node_behind, Choice) else ""
    return shared[len(written) :]


def _json(value: str | None) -> str:
    return json.dumps(value, ensure_ascii=False)
