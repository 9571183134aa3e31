"""A GBNF grammar of a schema's answers: what llama.cpp lets a model write for this CLI.

    python -m clitron_dagster.inference.grammar schemas/git.yaml     # prints it

Only canonical JSON of both answer shapes: existing units; args of the unit with values of their
type, in schema order, required ones present; flags of the unit in schema order, none twice; no two
options that exclude each other, none without what it requires, no gap among the positionals. So an
answer that ends is legal by ``answer.problems``.

Format: https://github.com/ggml-org/llama.cpp/blob/master/grammars/README.md
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence

from clitron_dagster.errors import ClitronError
from clitron_dagster.inference.option_states import State, option_states
from clitron_dagster.schema import Arg, Schema, Unit

# A JSON string as json.dumps(ensure_ascii=False) writes it; no NUL, which argv cannot carry.
_COMMON = r"""
char ::= [^"\\\x00-\x1f] | "\\" (["\\bfnrt] | "u00" ("0" [1-9a-f] | "1" [0-9a-f]))
string ::= "\"" char+ "\""
integer ::= "-"? ("0" | [1-9] [0-9]{0,15})
number ::= integer ("." [0-9]{1,15})?
boolean ::= "true" | "false"
confidence ::= "0." [0-9]{1,4} | "1.0" | "0" | "1"
suggestions ::= "[" (suggestion ("," suggestion)*)? "]"
""".strip()
_COMMAND, _SUBCOMMAND = '"command":', ',"subcommand":'
_BEFORE, _BETWEEN = ',"args":{', '},"flags":['


def schema_grammar(schema: Schema) -> str:
    """GBNF whose ``root`` is exactly one answer (see above)."""
    return "\n".join(_rules(schema)) + "\n"


def _rules(schema: Schema) -> Iterator[str]:
    parts = {
        "type_command": _text('{"type":"command",'),
        "type_clarification": _text('{"type":"clarification","message":'),
        "suggestions": _text(',"suggestions":'),
        "confidence": _text(',"confidence":'),
        "label": _text('{"label":'),
    }
    yield 'root ::= ( command | clarification ) {confidence} confidence "}}"'.format(**parts)
    yield "command ::= {type_command} unit".format(**parts)
    yield "clarification ::= {type_clarification} string {suggestions} suggestions".format(**parts)
    yield 'suggestion ::= {label} string "," name "}}"'.format(**parts)
    yield from _COMMON.splitlines()
    yield f"unit ::= {_units(schema, with_options=True)}"
    yield f"name ::= {_units(schema, with_options=False)}"
    for number, unit in enumerate(schema.units):
        yield from _unit_rules(unit, f"u{number}")


def _units(schema: Schema, *, with_options: bool) -> str:
    """``"command":"pr","subcommand":( "merge" … | "list" … ) | …``, factored by command, so that
    the parser follows a few alternatives at a time instead of all units."""
    by_command: dict[str, list[str]] = {}
    for number, unit in enumerate(schema.units):
        name = _text(_json(unit.subcommand))
        names = by_command.setdefault(unit.command, [])
        names.append(f"{name} u{number}" if with_options else name)
    commands = [
        f"{_text(_json(command) + _SUBCOMMAND)} {_any(names)}"
        for command, names in by_command.items()
    ]
    return f"{_text(_COMMAND)} {_any(commands)}"


def _unit_rules(unit: Unit, name: str) -> Iterator[str]:
    """Rules for one unit's args and flags: one for each state of its options, and for whether the
    list that the next option stands in is still empty."""
    items = [f"{_text(_json(arg.name) + ':')} {_value(arg)}" for arg in unit.args]
    items += [_text(_json(flag.name)) for flag in unit.flags]
    steps = option_states(unit)
    if not steps:
        raise ClitronError(f"`{unit.key}` has no legal answer: it requires what it excludes")
    names: dict[tuple[State, bool], str] = {}
    waiting: list[tuple[State, bool]] = []

    def rest(state: State, *, is_empty: bool, crossed: bool = False) -> str:
        """What follows in ``state``: its rule's name, behind the end of a list that ends there."""
        if state.index == len(unit.args) and not crossed:
            return f"{_text(_BETWEEN)} {rest(state, is_empty=True, crossed=True)}"
        if state.index == len(items):
            return _text("]")
        step = steps[state]
        if step.take is None and step.skip is not None:
            return rest(step.skip, is_empty=is_empty, crossed=state.index >= len(unit.args))
        key = (state, is_empty)
        if key not in names:
            names[key] = f"{name}-{len(names)}"
            waiting.append(key)
        return names[key]

    yield f"{name} ::= {_text(_BEFORE)} {rest(next(iter(steps)), is_empty=True)}"
    while waiting:
        state, is_empty = waiting.pop()
        step, in_flags = steps[state], state.index >= len(unit.args)
        comma = "" if is_empty else '"," '
        ways = []
        if step.take is not None:
            behind = rest(step.take, is_empty=False, crossed=in_flags)
            ways.append(f"{comma}{items[state.index]} {behind}")
        if step.skip is not None:
            ways.append(rest(step.skip, is_empty=is_empty, crossed=in_flags))
        yield f"{names[state, is_empty]} ::= {' | '.join(ways)}"


def _value(arg: Arg) -> str:
    value: str = arg.type
    if arg.type == "enum":
        value = _any([_text(_json(choice)) for choice in arg.choices])
    return f'"[" {value} ("," {value})* "]"' if arg.repeatable else value


def _any(alternatives: Sequence[str]) -> str:
    return alternatives[0] if len(alternatives) == 1 else f"( {' | '.join(alternatives)} )"


def _json(value: str | None) -> str:
    return json.dumps(value, ensure_ascii=False)


def _text(literal: str) -> str:
    """A GBNF literal: quoted, with its own escapes."""
    escaped = literal.replace("\\", "\\\\").replace('"', '\\"')
    return f'"{escaped}"'


def _main() -> None:
    import sys

    from clitron_dagster.schema import load_schema

    print(schema_grammar(load_schema(sys.argv[1])), end="")


if __name__ == "__main__":
    _main()
