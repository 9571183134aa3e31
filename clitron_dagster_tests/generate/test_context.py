"""Surroundings: what is sampled, and what a request takes from them."""

from __future__ import annotations

from random import Random
from typing import Any

import pytest

from clitron_dagster.generate import RawExamplesConfig, generate_unit
from clitron_dagster.generate.context import bind, flatten, nest, refer, references, sample_facts
from clitron_dagster.generate.missing_arg import generate_missing_arg
from clitron_dagster_tests.generate.helpers import Row, answer_of, schema_of

PR = {"name": "number", "type": "integer", "semantic": "pr_number", "positional": True}
REPO = {"name": "repo", "semantic": "repo"}
BRANCH = {"name": "branch", "semantic": "branch", "positional": True}
LAND = {
    "natural_language": ["land {number}", "get {number} in"],
    "args": [{**PR, "required": True}, REPO],
    "examples": [
        {
            "request": "ship this",
            "args": {"number": 7},
            "context": {"git": {"pr": 7, "branch": "x"}},
        }
    ],
}


def rows(**unit: Any) -> list[Row]:
    schema = schema_of(**unit)
    config = RawExamplesConfig(reference_rate=0.6)
    return generate_unit(schema, schema.units[0], 200, 5, config)


def test_a_reference_takes_its_value_from_the_context() -> None:
    referring = [row for row in rows(**LAND) if not any(c.isdigit() for c in row["instruction"])]
    referring = [row for row in referring if "repo" not in answer_of(row)["args"]]
    assert len(referring) > 30
    for row in referring:
        assert answer_of(row)["args"] == {"number": row["context"]["git"]["pr"]}


def test_owner_and_name_together_are_this_repo() -> None:
    named = [row for row in rows(**LAND) if "this repo" in row["instruction"].lower()]
    assert named
    for row in named:
        facts = row["context"]["git"]
        assert answer_of(row)["args"]["repo"] == f"{facts['owner']}/{facts['repo_name']}"


def test_an_explicit_value_wins_over_the_context() -> None:
    told = [row for row in rows(**LAND) if any(c.isdigit() for c in row["instruction"])]
    with_pr = [row for row in told if (row["context"] or {}).get("git", {}).get("pr")]
    different = [
        row for row in with_pr if answer_of(row)["args"]["number"] != row["context"]["git"]["pr"]
    ]
    assert len(different) > 10


def test_an_author_s_reference_is_varied_with_its_context() -> None:
    shipped = [row for row in rows(**LAND) if "ship this" in row["instruction"].lower()]
    numbers = {answer_of(row)["args"]["number"] for row in shipped}
    assert len(numbers) > 1
    assert all(row["context"]["git"]["pr"] == answer_of(row)["args"]["number"] for row in shipped)


def test_the_same_words_without_the_fact_are_a_question() -> None:
    schema = schema_of(**LAND)
    asked = generate_missing_arg(schema, schema.units[0], 40, 5, RawExamplesConfig())
    pointing = [row for row in asked if "this" in row["instruction"].lower().split()]
    assert pointing
    for row in asked:
        facts = (row["context"] or {}).get("git", {})
        if answer_of(row)["message"] == "Which pull request?":
            assert "pr" not in facts
        else:
            assert answer_of(row)["message"] == "Which repo?"
            assert not {"owner", "repo_name"} <= set(facts)


@pytest.mark.parametrize(("name", "can"), [("push", True), ("merge", False), ("switch", False)])
def test_the_current_branch_is_not_what_is_merged_or_switched_to(name: str, can: bool) -> None:
    schema = schema_of(name=name, args=[BRANCH])
    assert bool(references(schema, schema.units[0])) is can


@pytest.mark.parametrize(
    ("text", "wanted"),
    [
        ("land {number}", {"it", "this", "this one", "PR", "pr", "request"}),
        ("land pull request {number}", {"request"}),
        ("merge the {number} pr", {"pr"}),
        ("comment on {number} please", {"PR", "pr", "request"}),
    ],
)
def test_refer_speaks_english(text: str, wanted: set[str]) -> None:
    schema = schema_of(args=[PR])
    unit = schema.units[0]
    said = {refer(text, unit, unit.args[0], Random(seed)) for seed in range(30)}
    ends = {str(line).removesuffix(" please").removeprefix("land ").split(" ")[-1] for line in said}
    assert {str(line).removeprefix("land ") for line in said} & wanted or ends <= wanted


def test_refer_gives_up_where_a_reference_would_be_odd() -> None:
    schema = schema_of(args=[BRANCH])
    unit = schema.units[0]
    for text in ("drop tag {branch}", "the newest {branch}", "make {branch} docs"):
        assert refer(text, unit, unit.args[0], Random(1)) is None


def test_facts_nest_and_flatten() -> None:
    schema = schema_of()
    facts = sample_facts(schema, Random(3), {"git.pr"}, {"git.owner"})
    assert "git.pr" in facts
    assert "git.owner" not in facts
    assert flatten(schema, nest(facts)) == facts
    assert nest({}) is None


def test_bind_finds_facts_inside_a_value() -> None:
    facts = {"git.owner": "acme", "git.repo_name": "site", "git.pr": 7}
    assert bind(facts, 7) == ("git.pr",)
    assert bind(facts, "acme/site") == ("git.owner", "=/", "git.repo_name")
    assert bind(facts, "elsewhere") is None
