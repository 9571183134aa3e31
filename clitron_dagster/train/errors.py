"""The kinds of wrong answer, and corruptions of right ones where a model errs too rarely."""

from __future__ import annotations

import json
import random
from typing import Any

from clitron_dagster.answer import Answer, canonical, command_answer, normalize, problems
from clitron_dagster.schema import Schema, Unit

ERROR_KINDS = (
    "invalid_json", "wrong_type", "wrong_command", "illegal", "missing_option", "extra_option",
    "wrong_option", "wrong_value", "wrong_clarification",
)  # fmt: skip


def error_kind(schema: Schema, truth: Answer, text: str) -> str | None:
    """What is wrong with an answer's text against the truth; None when it is right."""
    try:
        answer = normalize(schema, json.loads(text))
    except json.JSONDecodeError:
        return "invalid_json"
    if not isinstance(answer, dict) or answer.get("type") not in ("command", "clarification"):
        return "invalid_json"
    if _bare(answer) == _bare(truth):
        return None
    if answer["type"] != truth["type"]:
        return "wrong_type"
    if truth["type"] == "clarification":
        return "wrong_clarification"
    if any(answer.get(key) != truth[key] for key in ("command", "subcommand")):
        return "wrong_command"
    if problems(schema, answer):
        return "illegal"
    given = {*answer["args"], *answer["flags"]}
    wanted = {*truth["args"], *truth["flags"]}
    if given == wanted:
        return "wrong_value"
    if given < wanted:
        return "missing_option"
    return "extra_option" if given > wanted else "wrong_option"


def _bare(answer: Answer) -> Answer:
    return {key: value for key, value in answer.items() if key != "confidence"}


def corrupt(schema: Schema, truth: Answer, rng: random.Random) -> tuple[str, str] | None:
    """A wrong answer made from a right one, and its kind; None if nothing can be made wrong."""
    unit = None
    if truth["type"] == "command":
        unit = schema.unit(truth["command"], truth["subcommand"])
    if unit is None:
        return None
    changes = [_drop_option, _add_flag, _damage_value, _swap_command]
    rng.shuffle(changes)
    for change in changes:
        answer = change(schema, unit, truth, rng)
        if answer is not None:
            kind = error_kind(schema, truth, canonical(answer))
            if kind is not None:
                return canonical(answer), kind
    return None


def _drop_option(schema: Schema, unit: Unit, truth: Answer, rng: random.Random) -> Answer | None:
    names = [*truth["args"], *truth["flags"]]
    if not names:
        return None
    dropped = rng.choice(names)
    args = {name: value for name, value in truth["args"].items() if name != dropped}
    flags = [name for name in truth["flags"] if name != dropped]
    return command_answer(schema, unit, args, flags)


def _add_flag(schema: Schema, unit: Unit, truth: Answer, rng: random.Random) -> Answer | None:
    names = [flag.name for flag in unit.flags if flag.name not in truth["flags"]]
    if not names:
        return None
    return command_answer(schema, unit, truth["args"], [*truth["flags"], rng.choice(names)])


def _damage_value(schema: Schema, unit: Unit, truth: Answer, rng: random.Random) -> Answer | None:
    """Lose a character of a copied value, the way that small models do."""
    texts: dict[str, Any] = {
        name: value
        for name, value in truth["args"].items()
        if isinstance(value, str) and len(value) > 3
    }
    if not texts:
        return None
    name = rng.choice(sorted(texts))
    place = rng.randrange(1, len(texts[name]))
    damaged = texts[name][:place] + texts[name][place + 1 :]
    return command_answer(schema, unit, {**truth["args"], name: damaged}, truth["flags"])


def _swap_command(schema: Schema, unit: Unit, truth: Answer, rng: random.Random) -> Answer | None:
    del truth
    siblings = [u for u in schema.units if u.command == unit.command and u.key != unit.key]
    others = siblings or [u for u in schema.units if u.key != unit.key]
    return command_answer(schema, rng.choice(others), {}, []) if others else None
