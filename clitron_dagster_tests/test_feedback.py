"""Feedback: kept whole under many writers, checked, trained on, and part of the fingerprint."""

from __future__ import annotations

import json
import multiprocessing
from pathlib import Path
from typing import Any

import pytest

from clitron_dagster import splits
from clitron_dagster.errors import ClitronError
from clitron_dagster.schema import load_schema
from clitron_dagster.settings import Settings
from clitron_dagster.stage import Job
from clitron_dagster.stages import BY_NAME
from clitron_dagster.staleness import recipe
from clitron_dagster.store import Store
from clitron_dagster.validate.feedback import (
    add_feedback,
    feedback_file,
    feedback_parts,
    read_feedback,
    remove_feedback,
)
from clitron_dagster_tests.paths import NOTES
from clitron_dagster_tests.test_validate import Bench, command, merges

SCHEMA = load_schema(NOTES)
READ = ["notes", "show", "7"]


@pytest.fixture(params=["local", "memory"])
def store(request: pytest.FixtureRequest, tmp_path: Path) -> Store:
    local = request.param == "local"
    return Store(tmp_path / "store" if local else f"memory://{tmp_path.name}-feedback")


def told(store: Store) -> list[tuple[str, str]]:
    return [(item.request, item.answer) for item in read_feedback(feedback_file(store, "notes"))]


def test_kept_in_order_with_long_options(store: Store) -> None:
    assert told(store) == []
    add_feedback(store, SCHEMA, " show  it ", {"notes": {"current_note": 7}}, argv=READ)
    add_feedback(store, SCHEMA, "pin that", argv=["add", "-p", "x"])
    add_feedback(store, SCHEMA, "wipe it", ask="Which note?")
    assert told(store) == [
        ("show it", "notes show 7"), ("pin that", "notes add --pin x"), ("wipe it", "Which note?")
    ]  # fmt: skip


def test_a_request_told_again_gets_the_new_answer(store: Store) -> None:
    context = {"notes": {"current_note": 7}}
    first, replaced = add_feedback(store, SCHEMA, "show it", ask="Which?")
    assert replaced is None
    add_feedback(store, SCHEMA, "show it", context, argv=READ)  # another context, another request
    second, replaced = add_feedback(store, SCHEMA, " show  it", argv=READ)
    assert (replaced, second.id) == (first, first.id)
    assert [answer for _, answer in told(store)] == ["notes show 7", "notes show 7"]
    assert remove_feedback(store, "notes", second.id) == second
    assert told(store) == [("show it", "notes show 7")]
    with pytest.raises(ClitronError, match=r"no feedback `x` on notes; `clitron feedback list"):
        remove_feedback(store, "notes", "x")


@pytest.mark.parametrize(
    ("given", "words"),
    [
        ({"argv": ["git", "shwo", "7"]}, "not a notes command: git shwo 7: there is no command"),
        ({"argv": ["shwo", "7"]}, "did you mean `show`"),
        ({"argv": ["show", "seven"]}, "not of type integer"),
        ({"argv": ["show"]}, "`show` needs `id`"),
        ({"argv": ["add", "x", "--pni"]}, "did you mean `--pin`"),
        ({"argv": ["remove", "7", "--force", "--dry-run"]}, "exclude each other"),
        ({"argv": []}, "not a notes command: nothing"),
        ({"argv": READ, "ask": "Which?"}, "one of the two"),
        ({}, "one of the two"),
        ({"ask": "  "}, "the question is empty"),
        ({"request": " ", "argv": READ}, "the request is empty"),
        ({"request": "x" * 2001, "argv": READ}, "2001 characters"),
        ({"context": {"notes": 3}, "argv": READ}, "the context's `notes` is not an object"),
    ],
)
def test_what_is_not_right_is_refused(tmp_path: Path, given: dict[str, Any], words: str) -> None:
    store = Store(tmp_path / "store")
    with pytest.raises(ClitronError) as error:
        add_feedback(store, SCHEMA, **{"request": "show it", **given})
    assert words in str(error.value)
    assert told(store) == []


@pytest.mark.parametrize(
    "line",
    [
        "{",
        "[1]",
        '{"id": "a"}',
        b"\xff",
        '{"id":"a","request":"b","added":"c","argv":"notes show"}',
    ],
)
def test_a_line_that_is_no_feedback_is_named_and_kept(tmp_path: Path, line: str | bytes) -> None:
    store = Store(tmp_path / "store")
    add_feedback(store, SCHEMA, "show it", argv=READ)
    file = Path(str(feedback_file(store, "notes")))
    damaged = file.read_bytes() + (line if isinstance(line, bytes) else line.encode())
    file.write_bytes(damaged)
    for act in (
        lambda: read_feedback(file),
        lambda: add_feedback(store, SCHEMA, "other", argv=READ),
    ):
        with pytest.raises(ClitronError, match=r"feedback\.jsonl:2: .*mend that line"):
            act()
    assert file.read_bytes() == damaged


def _add(root: str, name: str) -> None:
    add_feedback(Store(root), SCHEMA, f"remember {name}", argv=["notes", "add", name])


def test_many_writers_lose_nothing(tmp_path: Path) -> None:
    root = str(tmp_path / "store")
    with multiprocessing.get_context("fork").Pool(4) as pool:
        pool.starmap(_add, [(root, f"n{number}") for number in range(20)])
    assert {request for request, _ in told(Store(root))} == {f"remember n{n}" for n in range(20)}
    assert {f.name for f in (tmp_path / "store" / "notes").iterdir()} <= {
        "feedback.jsonl", ".feedback.jsonl.lock"
    }  # fmt: skip


# -- staleness ------------------------------------------------------------------------------------


def test_the_fingerprint_holds_the_feedback(tmp_path: Path) -> None:
    settings = Settings(NOTES.parent, str(tmp_path / "store"), "tiny")

    def wanted(stage: str) -> Any:
        return recipe(settings, SCHEMA, BY_NAME[stage], {"raw_examples": "1"})

    before = {stage: wanted(stage).fingerprint for stage in ("validated_dataset", "raw_examples")}
    add_feedback(settings.store, SCHEMA, "show it", argv=READ)
    one = wanted("validated_dataset")
    assert "feedback" in one.parts
    add_feedback(settings.store, SCHEMA, "show that", argv=READ)
    prints = {before["validated_dataset"], one.fingerprint, wanted("validated_dataset").fingerprint}
    assert len(prints) == 3
    assert wanted("raw_examples").fingerprint == before["raw_examples"]
    for told_item in read_feedback(feedback_file(settings.store, "notes")):
        remove_feedback(settings.store, "notes", told_item.id)
    assert wanted("validated_dataset").fingerprint == before["validated_dataset"]


# -- the stages -----------------------------------------------------------------------------------


@pytest.fixture
def bench(tmp_path: Path) -> Bench:
    return Bench(tmp_path)


def test_feedback_is_in_the_dataset_and_lands_in_train(bench: Bench, tmp_path: Path) -> None:
    argv = ["mini", "reset", "ORIG_HEAD"]  # a value that the request does not name
    requests = [f"undo the thing that {word} did" for word in "abcdefghijklmnopqrst"]
    for request in requests:
        add_feedback(bench.store, bench.schema, request, argv=argv)
    add_feedback(bench.store, bench.schema, "merge", ask="Which one?")
    metrics = bench.rows(*merges(bench.schema, range(1000, 1200))).run()
    assert metrics["feedback"] == 21
    rows = [row for row in bench.read("dataset.jsonl") if row["source"] == "feedback"]
    assert {row["instruction"] for row in rows} == {*requests, "merge"}
    assert {row["kind"] for row in rows} == {"command", "clarification:unclear_intent"}
    out = tmp_path / "splits"
    out.mkdir()
    inputs = {"validated_dataset": bench.folder / "out"}
    config = splits.SplitsConfig(near_duplicate=1)
    job = Job(bench.schema, bench.schema_file, config, inputs, out, tmp_path / "w", print)
    assert splits.run(job)["curated_in_train"] == 21
    train = [json.loads(line) for line in (out / "train.jsonl").read_text().splitlines()]
    assert sum(row["source"] == "feedback" for row in train) == 21


def test_feedback_wins_over_generated_rows_but_not_over_the_author(bench: Bench) -> None:
    schema = bench.schema
    wrong = command(schema, "how are things", "status")
    bench.rows(*merges(schema, range(9)), wrong)
    add_feedback(bench.store, schema, "how are things", argv=["status", "--short"])
    assert bench.run()["feedback"] == 1
    short = [row for row in bench.read("dataset.jsonl") if row["unit"] == "status"]
    assert [json.loads(row["output"])["flags"] for row in short] == [["short"]]
    bench.beside("examples", {"request": "how are things", "command": "status"})
    assert bench.run()["feedback"] == 0
    assert any("is left out: contradiction" in text for text in bench.logged)
    assert any("clitron feedback remove mini" in text for text in bench.logged)


def test_feedback_that_no_longer_holds_is_left_out_and_named(bench: Bench) -> None:
    add_feedback(bench.store, bench.schema, "how are things", argv=["status", "--short"])
    add_feedback(bench.store, bench.schema, "what changed", argv=["status"])
    text = bench.schema_file.read_text().replace("name: short}", "name: brief}")
    bench.schema_file.write_text(text)
    bench.schema = load_schema(bench.schema_file)
    bench.rows(*merges(bench.schema, range(9))).beside("eval", {"nl": "What changed?"})
    assert bench.run()["feedback"] == 0
    assert any("no option `--short`" in text for text in bench.logged)
    assert any("is left out: contamination" in text for text in bench.logged)


def test_other_case_is_another_request_and_the_same_answer_changes_nothing(store: Store) -> None:
    add_feedback(store, SCHEMA, "add note Fix", argv=["add", "Fix"])
    add_feedback(store, SCHEMA, "add note fix", argv=["add", "fix"])
    assert len(told(store)) == 2
    before = feedback_parts(feedback_file(store, "notes"))
    add_feedback(store, SCHEMA, "add note fix", argv=["add", "fix"])
    assert feedback_parts(feedback_file(store, "notes")) == before
