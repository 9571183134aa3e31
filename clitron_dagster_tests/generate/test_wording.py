"""English: moods, descriptions, clauses, slots of the author's examples, slips, quoting."""

from __future__ import annotations

from random import Random

import pytest
from hypothesis import given
from hypothesis import strategies as st

from clitron_dagster.generate.clauses import arg_clauses, flag_clauses, join
from clitron_dagster.generate.fill import fill, reveal
from clitron_dagster.generate.missing_arg import strip_slot
from clitron_dagster.generate.phrases import author_phrase
from clitron_dagster.generate.surface import dress, slip
from clitron_dagster.generate.value_kinds import SAMPLERS, of_semantic
from clitron_dagster.generate.values import parts, shape, with_other_parts
from clitron_dagster.generate.words import from_description, mood, plural
from clitron_dagster.schema.model import Example
from clitron_dagster.schema.semantics import SEMANTICS
from clitron_dagster_tests.generate.helpers import schema_of


@pytest.mark.parametrize(
    ("text", "kind"),
    [
        ("delete the branch", "order"),
        ("what's new", "question"),
        ("open issues", "order"),
        ("commits since monday", "thing"),
        ("my open prs", "statement"),
        ("the branch is stale, drop it", "statement"),
        ("new branch fix from main", "statement"),
        ("run 12 is stuck, stop it", "statement"),
    ],
)
def test_mood(text: str, kind: str) -> None:
    assert mood(text) == kind


@pytest.mark.parametrize(
    ("text", "request_"),
    [
        ("Shows the working tree status.", "show the working tree status"),
        ("Deletes an application permanently", "delete an application permanently"),
        ("Merge a pull request (GitHub only); needs access", "merge a pull request"),
        ("PR helper", "PR helper"),
        ("A very long text that goes on and on and never seems to come to its end", ""),
    ],
)
def test_from_description(text: str, request_: str) -> None:
    assert from_description(text) == request_


def test_plural() -> None:
    assert [plural(n) for n in ("branch", "repository", "key", "issues")] == [
        "branches", "repositories", "keys", "issues"]  # fmt: skip


def test_author_s_values_become_slots_only_where_they_stand_literally() -> None:
    schema = schema_of(
        args=[
            {"name": "number", "type": "integer", "semantic": "pr_number"},
            {"name": "to", "semantic": "ref"},
            {"name": "label", "semantic": "label", "repeatable": True},
            {"name": "limit", "type": "integer", "semantic": "count"},
        ]
    )
    unit = schema.units[0]

    def text(request: str, **args: object) -> str:
        return author_phrase(schema, unit, Example(request=request, args=args)).text

    assert text("merge 42 with squash", number=42) == "merge {number} with squash"
    assert text("undo the last commit", to="HEAD~1") == "undo the last commit"
    assert text("go to HEAD~1", to="HEAD~1") == "go to {to}"
    assert text("back 3 commits", to="HEAD~3") == "back {to~1} commits"
    assert text("drop three prs", limit=3) == "drop {limit} prs"
    assert text("label it bug and ui", label=["bug", "ui"]) == "label it {label}"
    assert text("bug first, then ui", label=["bug", "ui"]) == "{label#0} first, then {label#1}"
    assert text("42 and 42", number=42) == "42 and 42"
    assert text("fix 421", number=42) == "fix 421"


def test_clauses_use_the_author_s_words_else_name_and_description() -> None:
    unit = schema_of(
        args=[
            {"name": "author", "semantic": "user"},
            {"name": "title", "natural_language": ["entitled {value}"]},
        ],
        flags=[
            {"name": "no-verify", "description": "Skip the hooks"},
            {"name": "squash", "natural_language": ["as one commit"]},
        ],
    ).units[0]
    assert "by {author}" in arg_clauses(unit, unit.args[0])
    assert arg_clauses(unit, unit.args[1]) == ("entitled {title}",)
    assert set(flag_clauses(unit, unit.flags[0])) >= {"with no verify", "and skip the hooks"}
    assert flag_clauses(unit, unit.flags[1]) == ("as one commit",)


def test_join_connects_as_english_does() -> None:
    lines = {
        join("list prs?", ["by {a}", "and count them", "sort by age"], Random(n)) for n in range(40)
    }
    assert all(line.startswith(("list prs by {a}", "list prs, by {a}")) for line in lines)
    assert all("and count them" in line and " and and " not in line for line in lines)
    assert all("  " not in line and "?" not in line for line in lines)


@pytest.mark.parametrize(
    ("text", "left"),
    [
        ("delete branch {x}", "delete branch"),
        ("delete the {x} branch", "delete the branch"),
        ("create a tag called '{x}'", "create a tag"),
        ("rename {x} to {y}", ""),
        ("{x}", ""),
    ],
)
def test_strip_slot(text: str, left: str) -> None:
    assert strip_slot(text, "x") == left


@given(st.text("abcdefgh ijklm", min_size=4, max_size=40), st.integers(0, 500))
def test_a_slip_changes_one_word_at_most(text: str, seed: int) -> None:
    changed = slip(text, Random(seed))
    words, others = text.split(" "), changed.split(" ")
    assert len(words) == len(others)
    assert sum(a != b for a, b in zip(words, others, strict=True)) <= 1


@given(
    st.text(min_size=1, max_size=30).filter(lambda t: " ".join(t.split()) == t), st.integers(0, 99)
)
def test_dressing_never_touches_a_value(value: str, seed: int) -> None:
    unit = schema_of(args=[{"name": "note", "semantic": "message"}]).units[0]
    rng = Random(seed)
    filled = fill("add {note} to the pull request", unit, {"note": value}, rng, 0.5)
    text = dress(filled.text, rng, avoid=frozenset(), open_ended=filled.open_ended, typo=True)
    assert value in reveal(text, filled.spelled)


def test_nothing_follows_unquoted_free_text() -> None:
    unit = schema_of(args=[{"name": "note", "semantic": "message"}]).units[0]
    for seed in range(300):
        rng = Random(seed)
        filled = fill("commit with message {note}", unit, {"note": "fix the bug"}, rng, 0)
        text = dress(filled.text, rng, avoid=frozenset(), open_ended=filled.open_ended)
        line = reveal(text, filled.spelled)
        assert line.endswith("fix the bug") or '"fix the bug"' in line or "'fix the bug'" in line


@pytest.mark.parametrize("semantic", sorted(SEMANTICS))
def test_every_semantic_has_values_that_are_clean(semantic: str) -> None:
    found = {of_semantic(semantic, Random(seed)) for seed in range(400)}
    assert all(value and " ".join(value.split()) == value for value in found)
    assert semantic in SAMPLERS
    if semantic in {"branch", "file", "message", "title", "repo", "user", "query", "name", "url"}:
        assert len(found) > 250


@given(st.integers(0, 999))
def test_parts_keep_the_look_of_the_whole(seed: int) -> None:
    for semantic, value in (("ref", "HEAD~3"), ("range", "v1.0..v2.0"), ("date", "2 weeks ago")):
        other = with_other_parts(semantic, value, Random(seed))
        assert parts(semantic, other)
        assert shape(other) == shape(value)
