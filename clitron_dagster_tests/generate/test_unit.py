"""Rows of one unit: determinism, independence, legality, exact copies."""

from __future__ import annotations

import json
import re
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from clitron_dagster.answer import problems, same_answer
from clitron_dagster.argv import from_argv, to_argv
from clitron_dagster.generate import RawExamplesConfig, generate_unit
from clitron_dagster.generate.missing_arg import generate_missing_arg
from clitron_dagster.schema import Schema, load_schema
from clitron_dagster_tests.generate.helpers import answer_of, bare, notes, schema_of, values_of
from clitron_dagster_tests.paths import NOTES, SCHEMAS

CONFIG = RawExamplesConfig()


def rows_of(schema: Schema, key: str, count: int = 80, **config: Any) -> list[dict[str, Any]]:
    unit = next(unit for unit in schema.units if unit.key == key)
    return generate_unit(schema, unit, count, 17, RawExamplesConfig(**config))


@pytest.mark.parametrize("key", [unit.key for unit in notes().units])
def test_the_same_seed_gives_the_same_rows_and_a_smaller_count_their_beginning(key: str) -> None:
    rows = rows_of(notes(), key)
    assert rows == rows_of(notes(), key)
    assert rows_of(notes(), key, 30) == rows[:30]


def test_a_unit_keeps_its_rows_when_another_one_changes() -> None:
    data = notes().model_dump(mode="json")
    show = data["commands"][2]
    show["natural_language"] = ["bring up {id}"]
    show["description"] = "Something else"
    show["args"].append({"name": "color", "type": "string"})
    show["examples"] = []
    changed = Schema.model_validate(data)
    base = Schema.model_validate(notes().model_dump(mode="json"))
    assert rows_of(changed, "show") != rows_of(base, "show")
    for key in ("add", "list", "remove", "book rename"):
        assert rows_of(changed, key) == rows_of(base, key)


@pytest.mark.parametrize("name", ["git", "gh"])
def test_author_s_examples_come_first_as_they_stand(name: str) -> None:
    schema = load_schema(SCHEMAS / f"{name}.yaml")
    for unit in schema.units[:20]:
        rows = generate_unit(schema, unit, len(unit.node.examples), 17, CONFIG)
        for example, row in zip(unit.node.examples, rows, strict=False):
            assert row["instruction"] == example.request
            assert answer_of(row)["args"] == example.args
            assert set(answer_of(row)["flags"]) == set(example.flags)


def test_every_value_stands_in_the_request_or_the_context() -> None:
    for schema in (notes(), bare()):
        for unit in schema.units:
            for row in generate_unit(schema, unit, 150, 3, RawExamplesConfig(number_word_rate=0)):
                given_text = f"{row['instruction']} {json.dumps(row['context'])}"
                assert all(str(value) in given_text for value in values_of(row)), row


def test_values_are_many_and_never_touched_by_slips_or_case() -> None:
    rows = rows_of(notes(), "add", 300, typo_rate=1.0)
    texts = {answer_of(row)["args"]["text"] for row in rows}
    assert len(texts) > 150
    assert all(answer_of(row)["args"]["text"] in row["instruction"] for row in rows)


def test_flags_and_options_are_all_covered_and_come_alone_and_together() -> None:
    answers = [answer_of(row) for row in rows_of(notes(), "remove", 120)]
    flags = [tuple(answer["flags"]) for answer in answers]
    assert set(flags) == {(), ("force",), ("dry-run",)}  # the two exclude each other
    options = [
        len(answer_of(r)["args"]) + len(answer_of(r)["flags"]) for r in rows_of(notes(), "add")
    ]
    assert {1, 2, 3} <= set(options)


def test_a_default_is_left_out() -> None:
    states = {answer_of(row)["args"].get("state") for row in rows_of(bare(), "app list", 200)}
    assert states == {None, "running", "stopped"}


def test_an_option_with_an_empty_list_of_phrases_is_never_added() -> None:
    schema = schema_of(
        natural_language=["get it in", "land {number}"],
        args=[{"name": "number", "type": "integer", "semantic": "pr_number", "positional": True}],
        flags=[{"name": "undo", "natural_language": []}, {"name": "squash"}],
        examples=[{"request": "undo the merge of {0}", "flags": ["undo"]}],
    )
    undone = [row for row in rows_of(schema, "merge", 150) if "undo" in answer_of(row)["flags"]]
    assert undone
    assert all(
        "undo" in row["instruction"].lower() for row in undone if "--" not in row["instruction"]
    )


def test_a_whole_request_among_a_flag_s_phrases_stands_alone() -> None:
    schema = schema_of(
        natural_language=["bring {branch} in"],
        args=[{"name": "branch", "positional": True, "semantic": "branch"}],
        flags=[{"name": "abort", "conflicts": ["branch"], "natural_language": ["abort the merge"]}],
    )
    aborted = [row for row in rows_of(schema, "merge") if "abort" in answer_of(row)["flags"]]
    assert aborted
    assert all(answer_of(row)["args"] == {} for row in aborted)


def test_parts_of_a_value_are_varied_together_with_the_words() -> None:
    schema = schema_of(
        args=[{"name": "to", "semantic": "ref", "positional": True}],
        examples=[{"request": "squash my last 3 commits", "args": {"to": "HEAD~3"}}],
    )
    steps = set()
    for row in rows_of(schema, "merge", 200, number_word_rate=0):
        if match := re.search(r"last (\d+) c", row["instruction"], re.I):
            assert answer_of(row)["args"]["to"] == f"HEAD~{match[1]}"
            steps.add(match[1])
    assert len(steps) > 5


def test_a_schema_of_names_and_descriptions_alone_gives_varied_rows() -> None:
    for unit in bare().units:
        rows = generate_unit(bare(), unit, 150, 17, CONFIG)
        assert len(rows) == 150
        assert len({row["group"] for row in rows}) >= 5
        shapes = {re.sub(r"[\w./-]*[-_\d/][\w./-]*", "_", row["instruction"]) for row in rows}
        assert len(shapes) > 60
        assert not any(problems(bare(), answer_of(row)) for row in rows)


def test_missing_arguments_are_asked_for_by_their_noun() -> None:
    schema = load_schema(NOTES)
    unit = next(unit for unit in schema.units if unit.key == "remove")
    rows = generate_missing_arg(schema, unit, 20, 17, CONFIG)
    assert len(rows) > 8
    for row in rows:
        answer = answer_of(row)
        assert answer["message"] == "Which id?"
        assert [s["label"] for s in answer["suggestions"]] == ["remove"]
        assert not re.search(r"\d", row["instruction"])


def test_no_positional_without_the_optional_one_before_it() -> None:
    kinds = {"positional": True, "semantic": "branch", "natural_language": ["by {value}"]}
    args = [{"name": "a0", "type": "boolean", **kinds}, {"name": "a1", "type": "string", **kinds}]
    schema = schema_of(args=args)
    for seed in range(20):
        for row in generate_unit(schema, schema.units[0], 12, seed, CONFIG):
            assert problems(schema, answer_of(row)) == []


KINDS = ("branch", "file", "path", "ref", "range", "date", "count", "message", "query", "url", "id")
OPTION = st.fixed_dictionaries(
    {
        "type": st.sampled_from(["string", "integer", "number", "boolean", "enum"]),
        "choices": st.just(["red", "dark-blue"]),
        "semantic": st.sampled_from(KINDS),
        "required": st.booleans(),
        "positional": st.booleans(),
        "repeatable": st.booleans(),
        "natural_language": st.sampled_from(
            [["by {value}"], ["'{value}' too", "at {value}"], None]
        ),
    }
)


@settings(max_examples=40, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(
    options=st.lists(OPTION, max_size=4),
    flags=st.integers(0, 3),
    phrases=st.lists(
        st.sampled_from(["do it", "cut {a0}", "what is {a0}?", "{a0} now"]), max_size=2
    ),
    seed=st.integers(0, 99),
)
def test_any_small_schema_gives_legal_rows_that_survive_argv(
    options: list[dict[str, Any]], flags: int, phrases: list[str], seed: int
) -> None:
    args = [{"name": f"a{index}", **option} for index, option in enumerate(options)]
    for arg in args:
        if arg["type"] != "enum":
            arg.pop("choices")
    args.sort(key=lambda arg: (arg["positional"], not arg["required"]))
    for arg in args[:-1]:
        arg["repeatable"] = arg["repeatable"] and not arg["positional"]
    schema = schema_of(
        args=args, flags=[{"name": f"f{n}"} for n in range(flags)], natural_language=phrases
    )
    for row in generate_unit(schema, schema.units[0], 12, seed, CONFIG):
        answer = answer_of(row)
        assert problems(schema, answer) == []
        assert row["instruction"] == " ".join(row["instruction"].split())
        assert same_answer(from_argv(schema, to_argv(schema, answer) or []), answer)
