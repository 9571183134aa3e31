"""validated_dataset: each rule on rows that keep and break it, the author's files, the gate."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pyarrow.parquet as pq
import pytest
from hypothesis import given
from hypothesis import strategies as st

from clitron_dagster.answer import canonical, clarification, command_answer, suggestion
from clitron_dagster.errors import ClitronError
from clitron_dagster.schema import Schema, load_schema
from clitron_dagster.stage import Job
from clitron_dagster.store import Store
from clitron_dagster.validate import ValidatedDatasetConfig, run
from clitron_dagster.validate.dataset_rules import (
    contaminated,
    contradictions,
    diversity,
    duplicates,
    skeleton,
)
from clitron_dagster.validate.feedback import feedback_file
from clitron_dagster.validate.rows import (
    Row,
    curated_file,
    eval_file,
    read_curated,
    read_eval_requests,
    row_id,
)
from clitron_dagster.validate.rules import Checked, check_row
from clitron_dagster.validate.similar import jaccard, near_matches, near_pairs, normal, shingles
from clitron_dagster.validate.values import implied_values
from clitron_dagster_tests.paths import SCHEMAS

SCHEMA = """
cli_name: mini
description: A small CLI
context:
  git.current_branch: {semantic: branch}
  git.current_pr: {semantic: pr_number}
commands:
  - name: pr
    subcommands:
      - name: merge
        description: Merge a pull request
        args:
          - {name: number, type: integer, positional: true, required: true, semantic: pr_number}
          - {name: method, type: {enum: [squash, rebase]}}
          - {name: subject, type: string, semantic: message, requires: [squash-all]}
        flags:
          - {name: delete-branch, short: d}
          - {name: squash-all}
  - name: reset
    args:
      - {name: ref, type: string, positional: true, semantic: branch}
      - {name: limit, type: integer, default: 30}
    examples:
      - {request: undo the last commit, args: {ref: HEAD~1}}
      - {request: reset to v2, args: {ref: v2}}
  - name: status
    flags: [{name: short}]
  - name: add
    args:
      - {name: path, type: string, positional: true, repeatable: true, semantic: path}
  - name: log
    args:
      - {name: range, type: string, positional: true, semantic: range}
      - {name: ratio, type: number}
"""


@pytest.fixture(scope="module")
def schema_file(tmp_path_factory: pytest.TempPathFactory) -> Path:
    file = tmp_path_factory.mktemp("schemas") / "mini.yaml"
    file.write_text(SCHEMA, encoding="utf-8")
    return file


@pytest.fixture(scope="module")
def schema(schema_file: Path) -> Schema:
    return load_schema(schema_file)


def command(
    schema: Schema, text: str, key: str, args: Any = None, flags: Any = None, **more: Any
) -> Row:
    name, _, sub = key.partition(" ")
    unit = schema.unit(name, sub or None)
    assert unit
    output = canonical(command_answer(schema, unit, args or {}, flags or []))
    return row(text, output, unit=key, **more)


def row(text: str, output: Any, **more: Any) -> Row:
    known = {"unit": "", "kind": "command", "source": "offline", "group": text, "context": None}
    output = output if isinstance(output, str) else json.dumps(output)
    return Row(**{**known, "instruction": text, "output": output, **more})


def ask(schema: Schema, text: str, case: str = "missing_arg", **more: Any) -> Row:
    unit = schema.unit("pr", "merge")
    assert unit
    output = canonical(clarification("Which one?", [suggestion(unit)]))
    return row(text, output, unit="pr merge", kind=f"clarification:{case}", **more)


def faults(schema: Schema, item: Row) -> dict[str, str]:
    return check_row(schema, item, implied_values(schema)).faults


def passed(schema: Schema, *rows: Row) -> list[Checked]:
    checked = [check_row(schema, item, implied_values(schema)) for item in rows]
    assert not [item.faults for item in checked if item.faults]
    return checked


# -- rules of one row -----------------------------------------------------------------------------

MERGE = {"type": "command", "command": "pr", "subcommand": "merge", "args": {}, "flags": []}


@pytest.mark.parametrize(
    ("rule", "words", "output"),
    [
        ("json_validity", "not JSON", '{"type":"command"'),
        ("json_validity", "NaN", '{"type":"command","confidence":NaN}'),
        ("json_validity", "twice", '{"type":"command","type":"command"}'),
        ("schema_compliance", "not a JSON object", "[1]"),
        ("schema_compliance", "`flags` is missing", {k: MERGE[k] for k in list(MERGE)[:4]}),
        ("schema_compliance", "no command `pr marge`", {**MERGE, "subcommand": "marge"}),
        ("schema_compliance", "did you mean", {**MERGE, "args": {"number": 4, "methud": "x"}}),
        ("schema_compliance", "no flag", {**MERGE, "args": {"number": 4}, "flags": ["squash"]}),
        ("schema_compliance", "beside it", {**MERGE, "args": {"number": 4, "subject": "x"}}),
        ("arg_types", "of type integer", {**MERGE, "args": {"number": "4"}}),
        ("arg_types", "one of squash, rebase", {**MERGE, "args": {"number": 4, "method": "x"}}),
        ("required_args", "needs `number`", MERGE),
        ("value_support", "which the request does not give", {**MERGE, "args": {"number": 5}}),
    ],
)
def test_each_fault_is_named_by_its_rule(
    schema: Schema, rule: str, words: str, output: Any
) -> None:
    found = faults(schema, row("merge 4 as x", output, unit="pr merge"))
    assert next(iter(found)) == rule
    assert words in found[rule]


def test_required_argument_may_be_asked_for(schema: Schema) -> None:
    assert not faults(schema, ask(schema, "merge the pull request"))


def test_kind_and_unit_must_agree_with_the_answer(schema: Schema) -> None:
    good = command(schema, "status", "status")
    assert not faults(schema, good)
    for wrong in (
        {"unit": "reset"},
        {"kind": "clarification:missing_arg"},
        {"kind": "guess"},
    ):
        bad = Row(**{**good.__dict__, **wrong})
        assert "schema_compliance" in faults(schema, bad)
    assert "schema_compliance" in faults(schema, ask(schema, "merge it", case="no_such_case"))


def test_a_request_that_no_prompt_can_hold(schema: Schema) -> None:
    assert "empty" in faults(schema, command(schema, "  ", "status"))["request"]
    bad = command(schema, "status", "status", context={"git": ["main"]})
    assert "not an object" in faults(schema, bad)["request"]


def test_output_is_put_into_canonical_form(schema: Schema) -> None:
    loose = {
        "flags": ["squash-all", "delete-branch"],
        "args": {"method": "squash", "number": 4},
        "subcommand": "merge", "command": "pr", "type": "command", "why": "because",
    }  # fmt: skip
    checked = check_row(schema, row("merge 4 with squash", loose, unit="pr merge"), {})
    assert checked.row.output == (
        '{"type":"command","command":"pr","subcommand":"merge","args":{"number":4,'
        '"method":"squash"},"flags":["delete-branch","squash-all"],"confidence":0.95}'
    )


@pytest.mark.parametrize(
    ("text", "key", "args", "context", "good"),
    [
        ("merge pr #42", "pr merge", {"number": 42}, None, True),
        ("merge PR42", "pr merge", {"number": 42}, None, True),
        ("merge pr 423", "pr merge", {"number": 42}, None, False),
        ("merge pull request 1,042", "pr merge", {"number": 1042}, None, True),
        ("merge number three", "pr merge", {"number": 3}, None, True),
        ("merge this", "pr merge", {"number": 17}, {"git": {"current_pr": 17}}, True),
        ("merge this", "pr merge", {"number": 17}, {"git": {"other": 17}}, False),
        ("undo the last commit", "reset", {"ref": "HEAD~1"}, None, True),
        ("undo the last 4 commits", "reset", {"ref": "HEAD~4"}, None, True),
        ("undo the last four commits", "reset", {"ref": "HEAD~4"}, None, True),
        ("undo the last 4 commits", "reset", {"ref": "HEAD~5"}, None, False),
        ("undo my commits", "reset", {"ref": "v2"}, None, False),
        ("go to maintenance", "reset", {"ref": "main"}, None, False),
        ("go to 'main'", "reset", {"ref": "main"}, None, True),
        ("go to Main", "reset", {"ref": "main"}, None, False),
        ("reset with the usual limit", "reset", {"limit": 30}, None, True),
        ("stage src/app.py", "add", {"path": ["."]}, None, False),
        ("stage . please", "add", {"path": ["."]}, None, True),
        ("stage a.py and b.py", "add", {"path": ["a.py", "b.py"]}, None, True),
        ("stage a.py", "add", {"path": ["a.py", "c.py"]}, None, False),
        ("commits between v1 and v2.0", "log", {"range": "v1..v2.0"}, None, True),
        ("commits between v1 and v2.0", "log", {"range": "v1..v3.0"}, None, False),
        ("log at 0.5", "log", {"ratio": 0.5}, None, True),
        ("stage src/app.py", "add", {"path": ["src/app"]}, None, False),
        ("stage ../app.py", "add", {"path": ["./app.py"]}, None, False),
        ("stage src/ now", "add", {"path": ["src"]}, None, False),
        ("go to fix-12", "reset", {"ref": "fix-1"}, None, False),
        ("go to fix-12", "reset", {"ref": "fix"}, None, False),
        ("go to fix.", "reset", {"ref": "fix"}, None, True),
        ("go to origin/fix", "reset", {"ref": "fix"}, None, True),
        ("切换到main分支", "reset", {"ref": "main"}, None, True),
    ],
)
def test_values_come_from_request_context_or_schema(
    schema: Schema, text: str, key: str, args: dict[str, Any], context: Any, good: bool
) -> None:
    found = faults(schema, command(schema, text, key, args, context=context))
    assert (not found) if good else ("value_support" in found)


def test_argv_round_trip(schema: Schema, monkeypatch: pytest.MonkeyPatch) -> None:
    item = command(schema, "stage -x and a b", "add", {"path": ["-x", "a b"]})
    assert not faults(schema, item)
    monkeypatch.setattr("clitron_dagster.validate.rules.to_argv", lambda *_: ["mini", "status"])
    assert "reads back as" in faults(schema, item)["argv_round_trip"]


# -- rules of all rows together -------------------------------------------------------------------


def test_contradictions_majority_author_or_none(schema: Schema) -> None:
    short = command(schema, "Show status.", "status", flags=["short"])
    long = command(schema, "show  status", "status")
    assert set(contradictions(schema, passed(schema, short, long))) == {0, 1}
    again = command(schema, "show status!", "status")
    assert set(contradictions(schema, passed(schema, short, long, again))) == {0}
    author = command(schema, "show status", "status", flags=["short"], source="curated")
    assert set(contradictions(schema, passed(schema, long, again, author))) == {0, 1}
    elsewhere = command(schema, "show status", "status", context={"git": {"current_branch": "x"}})
    assert not contradictions(schema, passed(schema, short, elsewhere))


def test_case_of_a_copied_value_is_no_contradiction(schema: Schema) -> None:
    rows = [command(schema, f"go to {ref}", "reset", {"ref": ref}) for ref in ("Fix", "fix")]
    assert not contradictions(schema, passed(schema, *rows))


def test_duplicates_spare_other_values_contexts_and_answers(schema: Schema) -> None:
    text = "please show me the state of the working tree now"
    same = [text, text.upper() + "!", text + "s"]
    rows = passed(schema, *(command(schema, item, "status") for item in same))
    out = duplicates(schema, rows, 0.85)
    assert len(out) == 2
    assert all("same as" in reason for reason in out.values())
    back = duplicates(schema, rows[::-1], 0.85)
    assert {rows[i].row.id for i in out} == {rows[::-1][i].row.id for i in back}

    long = "land pull request number {} after the review of the whole team is through"
    other = [command(schema, long.format(n), "pr merge", {"number": n}) for n in (1423, 1424)]
    other.append(command(schema, text, "status", context={"git": {"current_branch": "x"}}))
    other.append(command(schema, text, "status"))
    assert not duplicates(schema, passed(schema, *other), 0.5)


def test_the_authors_row_stays_and_its_near_copy_goes(schema: Schema) -> None:
    text = "please show me the state of the working tree now"
    near = [command(schema, text + tail, "status") for tail in ("s", "x", "")]
    author = command(schema, text + "y", "status", source="curated")
    assert set(duplicates(schema, passed(schema, *near, author), 0.85)) == {0, 1, 2}


def test_contamination_by_equal_and_near_text(schema: Schema) -> None:
    rows = passed(
        schema,
        command(schema, "Show me the status!", "status"),
        command(schema, "what is the status of my repository right now", "status"),
        command(schema, "anything changed", "status"),
    )
    requests = [
        ("line 3 of the evaluation", "show me the status"),
        ("line 9 of the calibration", "What is the status of my repository right now??"),
    ]
    out = contaminated(rows, requests, 0.8)
    assert set(out) == {0, 1}
    assert "line 3" in out[0]
    assert "line 9 of the calibration" in out[1]
    assert contaminated(rows, [], 0.8) == {}


def test_diversity_counts_phrases_not_values(schema: Schema) -> None:
    rows = passed(
        schema, *(command(schema, f"merge {n} now", "pr merge", {"number": n}) for n in range(9))
    )
    assert {skeleton(item.row) for item in rows} == {"merge _ now"}
    assert diversity(rows)["skeleton_share"] == round(1 / 9, 4)
    assert diversity([]) == {"distinct_2": 0.0, "skeleton_share": 0.0}


# -- similarity -----------------------------------------------------------------------------------

_WORDS = st.lists(
    st.sampled_from(["show", "me", "the", "log", "of", "main", "branch", "now", "please"]),
    max_size=9,
)


@given(st.lists(_WORDS.map(" ".join), min_size=2, max_size=60, unique=True))
def test_near_pairs_are_those_of_a_full_comparison(texts: list[str]) -> None:
    texts = [normal(text) for text in texts]
    sets = [shingles(text) for text in texts]
    full = {
        (i, j) for j in range(len(texts)) for i in range(j) if jaccard(sets[i], sets[j]) >= 0.85
    }
    assert {(i, j) for i, j, _ in near_pairs(texts, 0.85)} == full
    assert {(i, j) for i, j, _ in near_matches(texts, texts, 0.85) if i < j} == full


@given(st.text())
def test_normal_is_stable(text: str) -> None:
    assert normal(normal(text)) == normal(text)


def test_normal_keeps_a_lone_dot() -> None:
    assert normal("Stage  . please!") == "stage . please"


# -- the stage ------------------------------------------------------------------------------------


class Bench:
    """A folder with a schema, raw rows and the author's files."""

    def __init__(self, folder: Path):
        self.folder = folder
        self.schema_file = folder / "mini.yaml"
        self.schema_file.write_text(SCHEMA, encoding="utf-8")
        self.schema = load_schema(self.schema_file)
        self.raw = folder / "raw" / "examples.jsonl"
        self.raw.parent.mkdir()
        self.logged: list[str] = []
        self.store = Store(folder / "store")

    def rows(self, *rows: Row) -> Bench:
        self.raw.write_text("".join(json.dumps(row.to_json()) + "\n" for row in rows))
        return self

    def beside(self, kind: str, *lines: Any) -> Bench:
        text = "".join(json.dumps(line) + "\n" for line in lines)
        self.schema_file.with_name(f"mini.{kind}.jsonl").write_text(text, encoding="utf-8")
        return self

    def run(self, out: str = "out", **config: Any) -> dict[str, Any]:
        (self.folder / out).mkdir(exist_ok=True)
        return run(
            Job(
                self.schema, self.schema_file, ValidatedDatasetConfig(**config),
                {"raw_examples": self.raw.parent}, self.folder / out, self.folder / "work",
                log=self.logged.append, feedback=feedback_file(self.store, "mini"),
            )
        )  # fmt: skip

    def read(self, name: str, out: str = "out") -> list[dict[str, Any]]:
        return [json.loads(line) for line in (self.folder / out / name).read_text().splitlines()]


@pytest.fixture
def bench(tmp_path: Path) -> Bench:
    return Bench(tmp_path)


def merges(schema: Schema, numbers: range) -> list[Row]:
    return [command(schema, f"merge {n}", "pr merge", {"number": n}) for n in numbers]


def test_stage_writes_rows_rejects_and_report(bench: Bench) -> None:
    good = merges(bench.schema, range(10, 20))
    bad = command(bench.schema, "merge it", "pr merge", {"number": 5})
    twice = command(bench.schema, "Merge 10!", "pr merge", {"number": 10})
    seen = command(bench.schema, "what changed in here", "status")
    asked = ask(bench.schema, "merge the request", context={"git": {"current_branch": "x"}})
    bench.rows(*good, bad, twice, seen, asked).beside("eval", {"nl": "What changed in here?"})
    metrics = bench.run()

    kept = bench.read("dataset.jsonl")
    assert [item["id"] for item in kept] == sorted(item["id"] for item in kept)
    assert all(row_id(r["instruction"], r["context"], r["output"]) == r["id"] for r in kept)
    table = pq.read_table(bench.folder / "out" / "dataset.parquet").to_pylist()
    assert [{**r, "context": r["context"] and json.loads(r["context"])} for r in table] == kept
    rejected = {item["rule"]: item for item in bench.read("rejects.jsonl")}
    assert set(rejected) == {"value_support", "diversity", "contamination"}
    assert rejected["value_support"]["instruction"] == "merge it"
    assert "`number` is 5" in rejected["value_support"]["reason"]
    report = json.loads((bench.folder / "out" / "report.json").read_text())
    assert report["rows"] == {
        "in": 14, "kept": 11, "rejected": {"value_support": 1, "contamination": 1, "diversity": 1}
    }  # fmt: skip
    assert report["by_kind"]["clarification:missing_arg"]["kept"] == 1
    assert metrics["rows"] == 11
    assert metrics["reject_rate"] == round(1 / 14, 4)
    assert metrics["contaminated"] == metrics["near_duplicates"] == 1
    assert metrics["diversity_ok"] is False  # nine in ten are one phrase
    json.dumps(metrics)


def test_order_of_the_rows_changes_nothing(bench: Bench) -> None:
    rows = [
        *merges(bench.schema, range(30)),
        ask(bench.schema, "merge one"),
        *merges(bench.schema, range(5)),
    ]
    bench.rows(*rows).run("a")
    bench.rows(*rows[::-1]).run("b")
    for name in ("dataset.jsonl", "dataset.parquet", "report.json"):
        assert (bench.folder / "a" / name).read_bytes() == (bench.folder / "b" / name).read_bytes()


def test_curated_rows_in_every_shape(bench: Bench) -> None:
    request = {"instruction": "squash 7 in", "context": None}
    answer = {**MERGE, "args": {"method": "squash", "number": 7}}
    bench.rows(*merges(bench.schema, range(3))).beside(
        "examples",
        {**request, "output": answer},
        {"request": "land 8", "output": json.dumps({**MERGE, "args": {"number": 8}})},
        {"request": "what is up", "command": "status", "flags": ["short"]},
        {"request": "back to where i was", "command": "reset", "args": {"ref": "ORIG_HEAD"}},
        {"request": "merge", "case": "missing_arg", "output": clarification("Which?", [])},
        {"request": "squash nine, please", "argv": "mini pr merge 9 --method squash"},
        {"request": "bake a cake", "case": "off_topic", "clarify": "I only know mini."},
    )
    assert bench.run()["curated"] == 7
    curated = [item for item in bench.read("dataset.jsonl") if item["source"] == "curated"]
    assert {(item["unit"], item["kind"]) for item in curated} == {
        ("pr merge", "command"), ("status", "command"), ("reset", "command"),
        ("", "clarification:missing_arg"), ("", "clarification:off_topic"),
    }  # fmt: skip
    merged = [json.loads(item["output"]) for item in curated if item["unit"] == "pr merge"]
    assert {"number": 9, "method": "squash"} in [answer["args"] for answer in merged]
    report = json.loads((bench.folder / "out" / "report.json").read_text())
    assert "ORIG_HEAD" in report["implied_values"]["reset ref"]


def test_what_the_author_implies_others_may_say(bench: Bench) -> None:
    row = command(bench.schema, "go to the place before", "reset", {"ref": "ORIG_HEAD"})
    bench.rows(*merges(bench.schema, range(9)), row)
    assert bench.run()["rejected"] == {"value_support": 1}
    bench.beside("examples", {"request": "back", "command": "reset", "args": {"ref": "ORIG_HEAD"}})
    assert bench.run()["rejected"] == {}


def test_all_faulty_curated_rows_are_named(bench: Bench) -> None:
    bench.rows(*merges(bench.schema, range(3))).beside(
        "examples",
        {"request": "land 8", **MERGE_PARTS, "args": {"number": 8}},
        {"request": "land 9", **MERGE_PARTS, "args": {"number": 9}, "flags": ["delete-brunch"]},
        {"request": "land ten", **MERGE_PARTS, "args": {"number": "10"}},
        {"request": "status", "command": "stattus"},
    )
    with pytest.raises(ClitronError) as error:
        bench.run()
    lines = str(error.value).splitlines()
    assert len(lines) == 3
    assert "mini.examples.jsonl:2: " in lines[0]
    assert "no flag `delete-brunch` (did you mean `delete-branch`?)" in lines[0]
    assert "its flags: delete-branch, squash-all" in lines[0]
    assert ":3: arg_types" in lines[1]
    assert "did you mean `status`" in lines[2]
    assert not (bench.folder / "out" / "dataset.jsonl").exists()


MERGE_PARTS = {"command": "pr", "subcommand": "merge"}


@pytest.mark.parametrize(
    ("lines", "words"),
    [
        ([{"request": "x", "command": "status", "flag": []}], "`flag` is not a key"),
        ([{"command": "status"}], "`request` is missing"),
        ([{"request": "x"}], "give one of `argv`"),
        ([{"request": "x", "argv": "mini status", "clarify": "what?"}], "give one of `argv`"),
        ([{"request": "x", "argv": "mini pr merge --nope 7"}], "no option `--nope`"),
        ([{"request": "x", "argv": "mini status 'a"}], "closing quotation"),
        ([{"request": "x", "output": "{"}], "examples.jsonl:1"),
        ([{"request": "x", "output": [1]}], "not an object"),
        ([{"request": "x", "context": "main", "command": "status"}], "`context` is not an object"),
        ([{"request": "a b", "command": "status"}, {"request": "a b", "command": "add"}], ":2: "),
    ],
)
def test_malformed_curated_rows(bench: Bench, lines: list[Any], words: str) -> None:
    bench.rows(*merges(bench.schema, range(3))).beside("examples", *lines)
    with pytest.raises(ClitronError, match=r"mini\.examples\.jsonl") as error:
        bench.run()
    assert words in str(error.value)


def test_curated_row_that_is_an_evaluation_row(bench: Bench) -> None:
    bench.rows(*merges(bench.schema, range(3))).beside("eval", {"nl": "how are things"})
    bench.beside("examples", {"request": "How are things?", "command": "status"})
    with pytest.raises(ClitronError, match=r"examples\.jsonl:1: contamination: line 1 of the eval"):
        bench.run()


def test_curated_row_given_twice_is_only_noted(bench: Bench) -> None:
    line = {"request": "how are things", "command": "status"}
    bench.rows(*merges(bench.schema, range(3))).beside("examples", line, line)
    assert bench.run()["rows"] == 4
    assert any("examples.jsonl:2" in text or "examples.jsonl:1" in text for text in bench.logged)


def test_gate_on_wrong_rows_by_source(bench: Bench) -> None:
    wrong = [command(bench.schema, f"merge no {n}x", "pr merge", {"number": 999}) for n in range(5)]
    wrong = [Row(**{**row.__dict__, "source": "llm"}) for row in wrong]
    bench.rows(*merges(bench.schema, range(40)), *wrong)
    with pytest.raises(ClitronError) as error:
        bench.run()
    assert "5 of 5 rows from `llm` are wrong (100%, at most 25%): value_support 5" in str(
        error.value
    )
    assert "`number` is 999" in str(error.value)
    assert "max_reject_rate" in str(error.value)
    assert len((bench.folder / "work" / "rejects.jsonl").read_text().splitlines()) == 5
    assert bench.run(max_reject_rate=1.0)["rows"] == 40


def test_duplicates_do_not_count_as_wrong(bench: Bench) -> None:
    rows = [command(bench.schema, "what changed", "status")] * 50
    assert bench.rows(*rows).run()["rows"] == 1


def test_nothing_remains(bench: Bench) -> None:
    bench.rows(command(bench.schema, "what changed", "status")).beside(
        "eval", {"nl": "what changed"}
    )
    with pytest.raises(ClitronError, match="no row remains of 1"):
        bench.run()


def test_empty_input(bench: Bench) -> None:
    with pytest.raises(ClitronError, match=r"holds no rows; raise num_examples"):
        bench.rows().run()


def test_missing_input(bench: Bench) -> None:
    with pytest.raises(ClitronError, match=r"no such file; materialize `raw_examples` again"):
        bench.run()


@pytest.mark.parametrize(
    ("data", "words"),
    [
        (b'{"id"\n', "examples.jsonl:2: not JSON"),
        (b"[1]\n", "examples.jsonl:2: not a JSON object"),
        (b'{"unit": 1}\n', "examples.jsonl:2: `unit` is not text"),
        (b'{"a": "caf\xe9"}\n', "examples.jsonl:2: byte"),
        (rb'{"a": "\ud800"}' + b"\n", "examples.jsonl:2: not JSON"),
        (b"[" * 100_000, "examples.jsonl:2: not JSON"),
    ],
)
def test_malformed_lines_are_named(bench: Bench, data: bytes, words: str) -> None:
    bench.rows(command(bench.schema, "what changed", "status"))
    bench.raw.write_bytes(bench.raw.read_bytes() + data)
    with pytest.raises(ClitronError) as error:
        bench.run()
    assert words in str(error.value)


def test_malformed_evaluation_file(bench: Bench) -> None:
    bench.rows(*merges(bench.schema, range(3))).beside("eval", {"request": "x"})
    with pytest.raises(ClitronError, match=r"mini\.eval\.jsonl:1: the request `nl` is missing"):
        bench.run()


def test_unicode_line_separators_do_not_split_rows(bench: Bench) -> None:
    text = "reset to a\u2028b\u0085c"
    bench.rows(*merges(bench.schema, range(3)), command(bench.schema, text, "reset"))
    bench.raw.write_text(
        "".join(
            json.dumps(json.loads(line), ensure_ascii=False) + "\n"
            for line in bench.raw.read_text().splitlines()
        ),
        encoding="utf-8",
    )
    assert bench.run()["rows"] == 4


def test_config_refuses_a_typo() -> None:
    with pytest.raises(ValueError, match="near_duplicat"):
        ValidatedDatasetConfig(near_duplicat=0.9)  # type: ignore[call-arg]


@pytest.mark.parametrize("cli", ["git", "gh"])
def test_shipped_curated_rows_hold_and_are_no_evaluation_rows(cli: str) -> None:
    file = SCHEMAS / f"{cli}.yaml"
    schema = load_schema(file)
    rows = read_curated(schema, curated_file(file))
    assert len(rows) > 1000
    assert not [fault for row in rows for fault in check_row(schema, row, {}).faults.items()]
    asked = {normal(text) for _, text in read_eval_requests(eval_file(file))}
    assert not asked & {normal(row.instruction) for row in rows}
