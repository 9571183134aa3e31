"""The grammar takes every canonical answer of a schema, and nothing that is obviously illegal."""

import json
import random
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from clitron_dagster.answer import canonical, clarification, command_answer, problems, suggestion
from clitron_dagster.base_model import embedded_gguf
from clitron_dagster.inference.engine import Engine
from clitron_dagster.inference.grammar import schema_grammar
from clitron_dagster.schema import Arg, Schema, Unit, load_schema
from clitron_dagster_tests.paths import NOTES, SCHEMAS

FILES = [NOTES, *sorted(SCHEMAS.glob("[!.]*.yaml"))]
STRINGS = [
    "main",
    "fix: don't",
    'say "hi" \\ there',
    "naïve 日本 😀",
    "a\nb\tc",
    "HEAD~2",
    "--force",
]


@pytest.fixture(scope="module")
def engine() -> Iterator[Engine]:
    with Engine(embedded_gguf(), n_ctx=512) as engine:
        yield engine


def value(arg: Arg, rng: random.Random) -> Any:
    legal: dict[str, list[Any]] = {
        "string": STRINGS,
        "enum": list(arg.choices),
        "integer": [0, 7, -3, 123456],
        "number": [0.5, 12, -2.25],
        "boolean": [True, False],
    }
    one = legal[arg.type]
    return rng.choices(one, k=rng.randint(1, 3)) if arg.repeatable else rng.choice(one)


def answer_of(schema: Schema, unit: Unit, rng: random.Random, share: float) -> dict[str, Any]:
    args = {a.name: value(a, rng) for a in unit.args if a.required or rng.random() < share}
    flags = [flag.name for flag in unit.flags if rng.random() < share]
    return command_answer(schema, unit, args, flags)


@pytest.mark.parametrize("file", FILES, ids=lambda file: file.stem)
def test_the_legal_answers_of_every_unit_are_accepted(engine: Engine, file: Path) -> None:
    schema, rng = load_schema(file), random.Random(0)
    grammar = schema_grammar(schema)
    for unit in schema.units:
        for share in (0, 0.15, 0.3, 1):
            answer = answer_of(schema, unit, rng, share)
            text = canonical(answer)
            assert engine.accepts(grammar, text) == (not problems(schema, answer)), text
        asks = clarification('Which one, "a" or b?', [suggestion(unit), suggestion(unit, "é")])
        assert engine.accepts(grammar, canonical(asks))
    assert engine.accepts(grammar, canonical(clarification("What do you want?", [])))


def command(command: str, args: dict[str, Any], flags: list[str], **more: Any) -> str:
    answer = {"type": "command", "command": command, "subcommand": None, "args": args}
    return canonical({**answer, "flags": flags, "confidence": 0.95, **more})


@pytest.mark.parametrize(
    "text",
    [
        "",
        "sure, here you are",
        command("nope", {}, []),
        command("add", {}, []),  # lacks a required argument
        command("add", {"text": ""}, []),
        command("add", {"text": 5}, []),
        command("add", {"text": "a", "priority": "urgent"}, []),
        command("add", {"priority": "low", "text": "a"}, []),  # order
        command("add", {"text": "a", "label": "x"}, []),  # repeatable wants a list
        command("add", {"text": "a", "label": []}, []),
        command("add", {"text": "a", "limit": 3}, []),  # another unit's
        command("add", {"text": "a"}, ["pinned"]),
        command("add", {"text": "a"}, ["pin", "pin"]),
        command("remove", {"id": 3}, ["dry-run", "force"]),  # order
        command("show", {"id": "3"}, []),
        command("show", {"id": 3.5}, []),
        command("book", {}, []),  # a group
        command("show", {"id": 3}, [], subcommand="create"),
        command("show", {"id": 3}, []) + " ",
        command("show", {"id": 3}, [])[:-1],
        json.dumps(json.loads(command("show", {"id": 3}, []))),  # with spaces
        canonical(clarification("", [])),
        canonical(clarification("x", [{"label": "y", "command": "nope", "subcommand": None}])),
    ],
)
def test_illegal_answers_are_refused(engine: Engine, text: str) -> None:
    assert not engine.accepts(schema_grammar(load_schema(NOTES)), text)


def test_names_that_need_quoting() -> None:
    name, choices = 'odd"\\name', ['a"b', "c\\d", "é"]
    arg = {"name": name, "choices": choices}
    unit = {"name": "run", "args": [arg], "flags": [{"name": "ü"}]}
    schema = Schema.model_validate({"cli_name": "odd", "commands": [unit]})
    with Engine(embedded_gguf(), n_ctx=64) as engine:
        for choice in choices:
            answer = command_answer(schema, schema.units[0], {name: choice}, ["ü"])
            assert engine.accepts(schema_grammar(schema), canonical(answer))
