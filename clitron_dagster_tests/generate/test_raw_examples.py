"""The stage as a whole: files, shares, the six negative cases, resuming."""

from __future__ import annotations

import json
import time
from collections import Counter
from pathlib import Path

import pytest
from pydantic import ValidationError

from clitron_dagster.answer import problems
from clitron_dagster.generate import RawExamplesConfig
from clitron_dagster.generate.buckets import apportion
from clitron_dagster.generate.raw_examples import sift
from clitron_dagster.schema import load_schema
from clitron_dagster_tests.generate.helpers import answer_of, bare, make, notes, read
from clitron_dagster_tests.paths import SCHEMAS

COLUMNS = ["id", "unit", "kind", "source", "group", "instruction", "context", "output"]
CASES = (
    "ambiguous_command", "missing_arg", "unclear_intent", "off_topic", "multiple_interpretations",
    "ambiguous_typo",
)  # fmt: skip


def test_writes_rows_of_the_contract_and_says_what_they_cost(tmp_path: Path) -> None:
    metrics, rows = make(notes(), tmp_path, num_examples=400)
    assert len(rows) == metrics["rows"] == 400
    assert all(list(row) == COLUMNS for row in rows)
    assert len({row["id"] for row in rows}) == 400
    assert {row["source"] for row in rows} == {"offline"}
    usage = json.loads((tmp_path / "out" / "usage.json").read_text())
    assert usage["rows"] == 400
    assert usage["cost_usd"] == 0
    assert read(tmp_path / "out" / "rejects.jsonl") == []


@pytest.mark.parametrize("file", sorted(SCHEMAS.glob("*.yaml")), ids=lambda file: file.stem)
def test_every_shipped_schema_gives_legal_rows_without_duplicates(
    file: Path, tmp_path: Path
) -> None:
    schema = load_schema(file)
    metrics, rows = make(schema, tmp_path, num_examples=1500)
    assert [row["instruction"] for row in rows if problems(schema, answer_of(row))] == []
    asked = {(row["instruction"].lower(), json.dumps(row["context"])) for row in rows}
    assert len(asked) == len(rows)
    assert len(rows) >= 1480
    assert metrics["unit_min"] >= 10
    assert metrics["unique_skeletons"] > 0.75


def test_shares_of_rows_are_those_of_the_config(tmp_path: Path) -> None:
    metrics, rows = make(notes(), tmp_path, num_examples=1000)
    assert metrics["share_with_context"] == pytest.approx(0.60, abs=0.03)
    assert metrics["share_without_context"] == pytest.approx(0.20, abs=0.03)
    assert metrics["share_negative"] == pytest.approx(0.20, abs=0.01)
    asked = [row for row in rows if row["kind"] != "command"]
    assert 0.25 < sum(row["context"] is not None for row in asked) / len(asked) < 0.75


def test_all_six_negative_cases_are_there_and_short(tmp_path: Path) -> None:
    _, rows = make(notes(), tmp_path, num_examples=600)
    kinds = Counter(row["kind"] for row in rows)
    assert {f"clarification:{case}" for case in CASES} == set(kinds) - {"command"}
    for row in rows:
        if row["kind"] != "command":
            answer = answer_of(row)
            assert answer["type"] == "clarification"
            assert len(answer["suggestions"]) <= 3
            assert len(row["output"]) < 400
    off_topic = [answer_of(r) for r in rows if r["kind"] == "clarification:off_topic"]
    assert all(answer["suggestions"] == [] for answer in off_topic)
    groups = [answer_of(r) for r in rows if r["kind"] == "clarification:ambiguous_command"]
    assert {s["command"] for answer in groups for s in answer["suggestions"]} == {"book"}


def test_a_cli_without_groups_or_required_arguments_still_gets_its_negatives(
    tmp_path: Path,
) -> None:
    text = "cli_name: one\ncommands: [{name: status, description: Show the status}]"
    file = tmp_path / "one.yaml"
    file.write_text(text)
    metrics, rows = make(load_schema(file), tmp_path, num_examples=100)
    kinds = {row["kind"] for row in rows}
    assert kinds == {"command", "clarification:off_topic", "clarification:unclear_intent"}
    assert metrics["by_kind"]["clarification:off_topic"] >= 10


def test_a_resumed_run_makes_only_what_is_missing_and_the_same_bytes(tmp_path: Path) -> None:
    make(notes(), tmp_path, num_examples=300)
    before = (tmp_path / "out" / "examples.jsonl").read_bytes()
    units = sorted((tmp_path / "work" / "units").iterdir())
    units[0].unlink()
    units[1].write_text(units[1].read_text()[:-40])  # as a crash of the disk would leave it
    stamps = {unit: unit.stat().st_mtime_ns for unit in units[2:]}
    metrics, _ = make(notes(), tmp_path, num_examples=300)
    assert (tmp_path / "out" / "examples.jsonl").read_bytes() == before
    assert metrics["units_resumed"] == len(units) - 2
    assert {unit: unit.stat().st_mtime_ns for unit in units[2:]} == stamps


def test_the_seed_decides_the_bytes(tmp_path: Path) -> None:
    first, second, other = (
        make(notes(), tmp_path / name, num_examples=200, seed=seed)[1]
        for name, seed in (("a", 1), ("b", 1), ("c", 2))
    )
    assert first == second
    assert first != other


def test_contradictions_and_commands_posing_as_questions_are_thrown_away(tmp_path: Path) -> None:
    _, rows = make(notes(), tmp_path, num_examples=200)
    command = next(row for row in rows if row["unit"] == "list" and row["context"] is None)
    question = next(row for row in rows if row["kind"] == "clarification:off_topic")
    other = next(row for row in rows if row["unit"] == "show" and row["kind"] == "command")
    same = {"instruction": command["instruction"].upper(), "context": None}
    kept, rejected = sift(notes(), [command, command, {**other, **same}, {**question, **same}])
    assert kept == [command]
    assert [row["reason"] for row in rejected] == [
        "duplicate",
        "contradicts an earlier row",
        "the same words are a command of `list`",
    ]


def test_is_fast(tmp_path: Path) -> None:
    start = time.process_time()
    make(bare(), tmp_path, num_examples=1000)
    assert time.process_time() - start < 2  # 1,000 rows/s asked for; about 4,000 measured


def test_shares_that_do_not_add_up_are_refused() -> None:
    with pytest.raises(ValidationError, match=r"add up to 1\.2; make them add up to 1"):
        RawExamplesConfig(share_negative=0.4)


def test_apportion_adds_up_and_keeps_the_floor() -> None:
    counts = apportion({"a": 1.0, "b": 5.0, "c": 1.0}, 100, floor=12)
    assert sum(counts.values()) == 100
    assert min(counts.values()) >= 12
    assert counts["b"] > counts["a"]
    assert sum(apportion({"a": 1.0, "b": 1.0}, 5, floor=12).values()) == 5
