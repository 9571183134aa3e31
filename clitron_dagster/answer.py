"""The answer: its canonical JSON and its rules (``argv.py`` renders it to argv and back).

Two shapes, as plain dicts (JSON objects), keys in this order::

    {"type":"command","command","subcommand","args","flags","confidence"}
    {"type":"clarification","message","suggestions","confidence"}

``subcommand`` is the path below the command, joined by spaces, or null. ``args`` holds every option
or positional with a value, in schema order; ``flags`` the booleans, in schema order.
"""

from __future__ import annotations

import difflib
import json
from collections.abc import Iterator
from typing import Any

from clitron_dagster.schema.model import Arg, Schema, Unit

Answer = dict[str, Any]
COMMAND_CONFIDENCE = 0.95  # what training rows carry; a served answer carries a measured one
CLARIFICATION_CONFIDENCE = 0.4
_COMMAND_KEYS = ("type", "command", "subcommand", "args", "flags", "confidence")
_CLARIFICATION_KEYS = ("type", "message", "suggestions", "confidence")


def command_answer(
    schema: Schema,
    unit: Unit,
    args: dict[str, Any],
    flags: list[str],
    confidence: float = COMMAND_CONFIDENCE,
) -> Answer:
    """An answer of the first shape, with args and flags in schema order.

    Names that the unit lacks are kept (at the end), so that :func:`problems` can name them.
    """
    order = [arg.name for arg in unit.args]
    flag_order = [flag.name for flag in unit.flags]
    return {
        "type": "command",
        "command": unit.command,
        "subcommand": unit.subcommand,
        "args": dict(sorted(args.items(), key=lambda item: _rank(order, item[0]))),
        "flags": sorted(flags, key=lambda name: _rank(flag_order, name)),
        "confidence": confidence,
    }


def clarification(
    message: str, suggestions: list[dict[str, Any]], confidence: float = CLARIFICATION_CONFIDENCE
) -> Answer:
    """An answer of the second shape. A suggestion is ``{"label","command","subcommand"}``."""
    return {
        "type": "clarification",
        "message": message,
        "suggestions": suggestions,
        "confidence": confidence,
    }


def suggestion(unit: Unit, label: str | None = None) -> dict[str, Any]:
    text = label or unit.node.description or unit.key
    return {"label": text, "command": unit.command, "subcommand": unit.subcommand}


def _rank(order: list[str], name: str) -> int:
    return order.index(name) if name in order else len(order)


def canonical(answer: Answer) -> str:
    """Compact JSON. Keys keep the order that the constructors above give them."""
    return json.dumps(answer, separators=(",", ":"), ensure_ascii=False)


def normalize(schema: Schema, answer: Any) -> Any:
    """Put a parsed answer's keys, args and flags into canonical order.

    Unknown keys are dropped; an answer that is not an object, or names no unit, is returned as it
    is (``problems`` says what is wrong with it).
    """
    if not isinstance(answer, dict):
        return answer
    if answer.get("type") == "clarification":
        return {key: answer[key] for key in _CLARIFICATION_KEYS if key in answer}
    unit = unit_of(schema, answer)
    args, flags = answer.get("args"), answer.get("flags")
    if unit and isinstance(args, dict) and isinstance(flags, list):
        ordered = command_answer(schema, unit, args, [str(flag) for flag in flags])
        answer = {**answer, "args": ordered["args"], "flags": ordered["flags"]}
    return {key: answer[key] for key in _COMMAND_KEYS if key in answer}


def same_answer(a: Answer, b: Answer) -> bool:
    """Equal but for the confidence; of a clarification only the kind counts (see metrics)."""
    return {**a, "confidence": 0} == {**b, "confidence": 0}


def answer_end(text: str) -> int | None:
    """Where an answer's meaning ends: behind ``flags`` or ``suggestions``.

    Only ``,"confidence":…}`` follows, which is known: decoding stops there, training mostly too.
    """
    depth, in_string, escaped = 0, False, False
    for position, char in enumerate(text):
        if in_string:
            if escaped:
                escaped = False
            elif char == "\\":
                escaped = True
            elif char == '"':
                in_string = False
        elif char == '"':
            in_string = True
        elif char in "{[":
            depth += 1
        elif char in "}]":
            depth -= 1
            if char == "]" and depth == 1 and _whole(text[: position + 1]):
                return position + 1
    return None


def _whole(text: str) -> bool:
    try:
        found = json.loads(text + "}")
    except ValueError:
        return False
    return isinstance(found, dict) and ("flags" in found or "suggestions" in found)


# -- rules ----------------------------------------------------------------------------------------


def problems(schema: Schema, answer: Any) -> list[str]:
    """Everything that makes an answer illegal for this schema; empty for a legal one."""
    return list(_problems(schema, answer))


def _problems(schema: Schema, answer: Any) -> Iterator[str]:
    if not isinstance(answer, dict):
        yield "the answer is not a JSON object"
        return
    if answer.get("type") == "clarification":
        yield from _clarification_problems(schema, answer)
        return
    if answer.get("type") != "command":
        yield f"type is {answer.get('type')!r}, not `command` or `clarification`"
        return
    missing = [key for key in _COMMAND_KEYS[1:5] if key not in answer]
    if missing:
        yield f"`{missing[0]}` is missing"
        return
    unit = unit_of(schema, answer)
    if unit is None:
        name = f"{answer['command']} {answer['subcommand'] or ''}".strip()
        yield f"there is no command `{name}`{close_match(name, [u.key for u in schema.units])}"
        return
    args, flags = answer["args"], answer["flags"]
    if not isinstance(args, dict) or not isinstance(flags, list):
        yield "`args` must be an object and `flags` a list"
        return
    yield from _arg_problems(unit, args)
    yield from _flag_problems(unit, flags)
    yield from _relation_problems(unit, [*args, *(flag for flag in flags if isinstance(flag, str))])


def unit_of(schema: Schema, answer: Answer) -> Unit | None:
    command, subcommand = answer.get("command"), answer.get("subcommand")
    if isinstance(command, str) and (subcommand is None or isinstance(subcommand, str)):
        return schema.unit(command, subcommand or None)
    return None


def _clarification_problems(schema: Schema, answer: Answer) -> Iterator[str]:
    if not isinstance(answer.get("message"), str) or not answer["message"].strip():
        yield "a clarification needs a `message`"
    suggestions = answer.get("suggestions")
    if not isinstance(suggestions, list):
        yield "a clarification needs a list of `suggestions`"
        return
    for item in suggestions:
        if not isinstance(item, dict) or not isinstance(item.get("label"), str):
            yield "a suggestion is an object with `label`, `command` and `subcommand`"
        elif unit_of(schema, item) is None:
            yield f"suggested command `{item.get('command')} {item.get('subcommand')}` is unknown"


def _arg_problems(unit: Unit, args: dict[str, Any]) -> Iterator[str]:
    for name, value in args.items():
        arg = unit.arg(name)
        if arg is None:
            known = [a.name for a in unit.args]
            hint = " (it is a flag)" if unit.flag(name) else close_match(name, known)
            yield f"`{unit.key}` takes no argument `{name}`{hint}"
        elif not arg.repeatable:
            yield from _value_problems(arg, value)
        elif not isinstance(value, list) or not value:
            yield f"`{name}` is repeatable, so its value is a list with at least one item"
        else:
            for item in value:
                yield from _value_problems(arg, item)
    for arg in unit.args:
        if arg.required and arg.name not in args:
            yield f"`{unit.key}` needs `{arg.name}`"
    given = [arg.name in args for arg in unit.positionals if not arg.separator]
    if True in given and not all(given[: len(given) - given[::-1].index(True)]):
        yield "a positional is given without the ones before it, so it cannot be written as argv"


def _value_problems(arg: Arg, value: Any) -> Iterator[str]:
    legal = {
        "string": isinstance(value, str),
        "enum": value in arg.choices,
        "integer": isinstance(value, int) and not isinstance(value, bool),
        "number": isinstance(value, int | float) and not isinstance(value, bool),
        "boolean": isinstance(value, bool),
    }[arg.type]
    if not legal:
        wanted = f"one of {', '.join(arg.choices)}" if arg.type == "enum" else f"of type {arg.type}"
        yield f"`{arg.name}` is {value!r}, not {wanted}"
    elif isinstance(value, str) and ("\0" in value or not value):
        yield f"`{arg.name}` is empty or holds a NUL byte, which argv cannot carry"


def _flag_problems(unit: Unit, flags: list[Any]) -> Iterator[str]:
    for position, flag in enumerate(flags):
        if not isinstance(flag, str) or unit.flag(flag) is None:
            known = [f.name for f in unit.flags]
            hint = " (it takes a value)" if unit.arg(str(flag)) else close_match(str(flag), known)
            yield f"`{unit.key}` has no flag `{flag}`{hint}"
        elif flag in flags[:position]:
            yield f"flag `{flag}` is given twice"


def _relation_problems(unit: Unit, names: list[str]) -> Iterator[str]:
    reported = set()
    for name in names:
        option = unit.arg(name) or unit.flag(name)
        if option is None:
            continue
        for other in option.conflicts:
            pair = frozenset((name, other))
            if other in names and pair not in reported:
                reported.add(pair)
                yield f"`{name}` and `{other}` exclude each other"
        for other in option.requires:
            if other not in names:
                yield f"`{name}` needs `{other}` beside it"


def close_match(word: str, known: list[str]) -> str:
    match = difflib.get_close_matches(word, known, n=1)
    return f" (did you mean `{match[0]}`?)" if match else ""
