"""A walk through a unit's states is possible for exactly the options that make a legal answer."""

import random
from collections.abc import Collection
from typing import Any

import pytest

from clitron_dagster.answer import command_answer, problems
from clitron_dagster.inference import option_states as module
from clitron_dagster.inference.option_states import option_states
from clitron_dagster.schema import Arg, Schema, Unit, load_schema
from clitron_dagster_tests.paths import NOTES, SCHEMAS

FILES = [NOTES, *sorted(SCHEMAS.glob("[!.]*.yaml"))]


def walk(unit: Unit, chosen: Collection[str]) -> bool:
    steps = option_states(unit)
    state = next(iter(steps), None)
    for option in (*unit.args, *unit.flags):
        if state is None:
            return False
        step = steps[state]
        state = step.take if option.name in chosen else step.skip
    return state is not None


def value(arg: Arg) -> Any:
    one: Any = {"string": "x", "integer": 1, "number": 1, "boolean": True}.get(arg.type)
    one = arg.choices[0] if arg.type == "enum" else one
    return [one] if arg.repeatable else one


def is_legal(schema: Schema, unit: Unit, chosen: Collection[str]) -> bool:
    args = {arg.name: value(arg) for arg in unit.args if arg.name in chosen}
    flags = [flag.name for flag in unit.flags if flag.name in chosen]
    return not problems(schema, command_answer(schema, unit, args, flags))


def schema_of(**unit: Any) -> Schema:
    return Schema.model_validate({"cli_name": "x", "commands": [{"name": "do", **unit}]})


@pytest.mark.parametrize("file", FILES, ids=lambda file: file.stem)
def test_the_states_of_shipped_schemas_agree_with_the_rules(file):
    schema, rng = load_schema(file), random.Random(0)
    seen = {True: 0, False: 0}
    for unit in schema.units:
        names = [option.name for option in (*unit.args, *unit.flags)]
        for _ in range(40):
            chosen = {name for name in names if rng.random() < rng.choice((0.1, 0.3, 0.8))}
            legal = is_legal(schema, unit, chosen)
            seen[legal] += 1
            assert walk(unit, chosen) == legal, (unit.key, chosen)
    assert min(seen.values()) > 20


@pytest.mark.parametrize(
    ("chosen", "expected"),
    [
        ((), True),
        (("a", "b"), False),  # exclude each other
        (("b", "c"), False),  # c requires a
        (("a", "c"), True),
        (("c",), False),
        (("d",), False),  # requires a later one
        (("d", "e"), True),
        (("to",), False),  # a gap among positionals
        (("from", "to"), True),
    ],
)
def test_relations(chosen, expected):
    schema = schema_of(
        args=[
            {"name": "from", "type": "string", "positional": True},
            {"name": "to", "type": "string", "positional": True},
        ],
        flags=[
            {"name": "a", "conflicts": ["b"]},
            {"name": "b"},
            {"name": "c", "requires": ["a"]},
            {"name": "d", "requires": ["e"]},
            {"name": "e", "conflicts": ["b"]},
        ],
    )
    assert walk(schema.units[0], chosen) is expected
    assert is_legal(schema, schema.units[0], chosen) is expected


def test_a_way_that_cannot_be_finished_is_not_offered():
    """x requires z, y excludes z: behind x, y is no longer there to choose."""
    flags = [{"name": "x", "requires": ["z"]}, {"name": "y", "conflicts": ["z"]}, {"name": "z"}]
    unit = schema_of(flags=flags).units[0]
    steps = option_states(unit)
    behind_x = steps[next(iter(steps))].take
    assert behind_x is not None
    assert steps[behind_x].take is None


def test_tangled_relations_are_left_out(monkeypatch):
    monkeypatch.setattr(module, "MOST_STATES", 3)
    flags = [{"name": f"f{i}", "conflicts": [f"f{i + 6}"]} for i in range(6)]
    unit = schema_of(flags=[*flags, *({"name": f"f{i + 6}"} for i in range(6))]).units[0]
    assert walk(unit, {"f0", "f6"})
