"""Answers: rules, canonical text, and the round trip through argv over every schema."""

import json
import shlex

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from clitron_dagster.answer import (
    answer_end,
    canonical,
    clarification,
    command_answer,
    normalize,
    problems,
    suggestion,
)
from clitron_dagster.argv import ArgvError, from_argv, to_argv, to_shell
from clitron_dagster.schema import load_schema
from clitron_dagster_tests.paths import NOTES, SCHEMAS

ALL = {file.stem: load_schema(file) for file in [NOTES, *sorted(SCHEMAS.glob("*.yaml"))]}
TEXT = st.text(st.characters(exclude_characters="\0", exclude_categories=["Cs"]), min_size=1)


def value_of(arg):
    one = {
        "string": TEXT,
        "integer": st.integers(-(10**9), 10**9),
        "number": st.floats(allow_nan=False, allow_infinity=False) | st.integers(0, 99),
        "boolean": st.booleans(),
        "enum": st.sampled_from(arg.choices or ("",)),
    }[arg.type]
    return st.lists(one, min_size=1, max_size=3) if arg.repeatable else one


@st.composite
def legal_answers(draw):
    schema = ALL[draw(st.sampled_from(sorted(ALL)))]
    unit = draw(st.sampled_from(schema.units))
    names = [a.name for a in unit.args] + [f.name for f in unit.flags]
    wanted = set(draw(st.lists(st.sampled_from(names), max_size=4))) if names else set()
    wanted |= {arg.name for arg in unit.args if arg.required}
    args = {arg.name: draw(value_of(arg)) for arg in unit.args if arg.name in wanted}
    flags = [flag.name for flag in unit.flags if flag.name in wanted]
    return schema, command_answer(schema, unit, args, flags)


@settings(max_examples=400, deadline=None, suppress_health_check=list(HealthCheck))
@given(legal_answers())
def test_argv_round_trip_over_every_schema(made):
    schema, answer = made
    if problems(schema, answer):
        with pytest.raises(ArgvError):
            to_argv(schema, answer)
        return
    argv = to_argv(schema, answer)
    assert from_argv(schema, argv) == answer
    assert shlex.split(to_shell(argv)) == argv
    assert normalize(schema, json.loads(canonical(answer))) == answer


@pytest.mark.parametrize("cli", sorted(ALL))
def test_every_author_example_round_trips(cli):
    schema = ALL[cli]
    for unit in schema.units:
        for example in unit.node.examples:
            answer = command_answer(schema, unit, example.args, list(example.flags))
            assert from_argv(schema, to_argv(schema, answer)) == answer, example.request


NOTES_SCHEMA = ALL["notes"]


def test_canonical_text_has_the_specified_keys_in_order():
    answer = from_argv(NOTES_SCHEMA, shlex.split("notes add -p --priority high 'buy milk' -l home"))
    assert canonical(answer) == (
        '{"type":"command","command":"add","subcommand":null,"args":{"text":"buy milk",'
        '"label":["home"],"priority":"high"},"flags":["pin"],"confidence":0.95}'
    )
    ask = clarification("Which note?", [suggestion(NOTES_SCHEMA.unit("show", None), "show")])
    assert canonical(ask) == (
        '{"type":"clarification","message":"Which note?","suggestions":[{"label":"show",'
        '"command":"show","subcommand":null}],"confidence":0.4}'
    )


def test_argv_is_long_options_then_flags_then_positionals():
    answer = from_argv(NOTES_SCHEMA, ["add", "-lhome", "--label=work", "x y", "-p"])
    assert to_argv(NOTES_SCHEMA, answer) == [
        "notes", "add", "--label", "home", "--label", "work", "--pin", "x y",
    ]  # fmt: skip


def test_values_that_look_like_options_stay_values():
    unit = NOTES_SCHEMA.unit("add", None)
    answer = command_answer(NOTES_SCHEMA, unit, {"text": "--pin; rm -rf ~"}, [])
    argv = to_argv(NOTES_SCHEMA, answer)
    assert argv == ["notes", "add", "--", "--pin; rm -rf ~"]
    assert from_argv(NOTES_SCHEMA, argv) == answer


@pytest.mark.parametrize(
    ("change", "words"),
    [
        ({"command": "ad"}, "did you mean"),
        ({"args": {}}, "needs `text`"),
        ({"args": {"text": 3}}, "not of type string"),
        ({"args": {"text": ""}}, "empty"),
        ({"args": {"text": "a", "labels": ["x"]}}, "did you mean `label`"),
        ({"args": {"text": "a", "label": "x"}}, "repeatable"),
        ({"args": {"text": "a", "priority": "urgent"}}, "one of low, normal, high"),
        ({"flags": ["pin", "pin"]}, "twice"),
        ({"flags": ["priority"]}, "takes a value"),
        ({"type": "order"}, "type is 'order'"),
    ],
)
def test_problems_are_named(change, words):
    unit = NOTES_SCHEMA.unit("add", None)
    answer = {**command_answer(NOTES_SCHEMA, unit, {"text": "a"}, []), **change}
    assert any(words in problem for problem in problems(NOTES_SCHEMA, answer))


def test_conflicts_and_clarifications_are_checked():
    unit = NOTES_SCHEMA.unit("remove", None)
    both = command_answer(NOTES_SCHEMA, unit, {"id": 3}, ["force", "dry-run"])
    assert problems(NOTES_SCHEMA, both) == ["`force` and `dry-run` exclude each other"]
    assert problems(NOTES_SCHEMA, clarification("", []))
    wrong = clarification("x", [{"label": "a", "command": "fly", "subcommand": None}])
    assert "unknown" in problems(NOTES_SCHEMA, wrong)[0]


@pytest.mark.parametrize(
    ("argv", "words"),
    [
        (["notes"], "not a whole command"),
        (["notes", "book"], "not a whole command"),
        (["notes", "shw"], "did you mean `show`"),
        (["notes", "show", "1", "2"], "no place for `2`"),
        (["notes", "show", "one"], "not of type integer"),
        (["notes", "list", "--limit"], "needs a value"),
        (["notes", "list", "--all=1"], "takes no value"),
        (["notes", "list", "--everything"], "no option"),
    ],
)
def test_bad_argv_is_refused_in_words(argv, words):
    with pytest.raises(ArgvError, match=words):
        from_argv(NOTES_SCHEMA, argv)


def test_aliases_are_accepted():
    assert from_argv(NOTES_SCHEMA, ["notes", "rm", "4"])["command"] == "remove"


@given(st.recursive(st.none() | st.booleans() | st.integers() | st.text(),
                    lambda c: st.lists(c) | st.dictionaries(st.text(), c)))  # fmt: skip
def test_no_json_value_breaks_the_rules(value):
    for answer in (value, {"type": "command", "command": value, "subcommand": value,
                           "args": value, "flags": value},
                   {"type": "clarification", "message": value, "suggestions": value}):  # fmt: skip
        problems(NOTES_SCHEMA, answer)
        normalize(NOTES_SCHEMA, answer)


def test_answer_end() -> None:
    good = '{"type":"command","command":"list","subcommand":null,"args":{},"flags":[]'
    assert answer_end(good) == len(good)
    assert answer_end(good + ',"confidence":0.9}') == len(good)
    assert answer_end(good[:-1]) is None
    tricky = '{"type":"command","command":"a","subcommand":null,"args":{"t":"]\\"]","l":["x"]}'
    assert answer_end(tricky) is None
    assert answer_end(tricky + ',"flags":["b"],') == len(tricky + ',"flags":["b"]')
    assert answer_end('{"args":["x"]') is None
    assert answer_end("]]]") is None
