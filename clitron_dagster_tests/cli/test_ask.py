"""clitron ask and predict: what is shown, the rows' contract, and refusals."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from clitron_dagster.cli import model as model_module
from clitron_dagster.settings import Settings
from clitron_dagster_tests.cli.conftest import Run
from clitron_dagster_tests.cli.scripted import Scripted

QUICK = ["--context", "none"]


@pytest.mark.usefixtures("scripted")
def test_ask_shows_command_options_effect_and_confidence(run: Run) -> None:
    lines = run("ask", "git", "undo", "it", *QUICK).stdout.splitlines()
    assert lines[0] == "git reset --soft 'HEAD~1'"
    text = "\n".join(lines)
    assert "--soft  – " in text
    assert "commit HEAD~1  – " in text
    assert "changes things" in text
    assert "confidence 0.87" in text
    assert Scripted.asked == [("undo it", None)]


@pytest.mark.usefixtures("scripted")
def test_ask_says_destructive_plainly(run: Run) -> None:
    assert "DESTRUCTIVE" in run("ask", "git", "hard reset", *QUICK).stdout


@pytest.mark.usefixtures("scripted")
def test_ask_asks_back(run: Run) -> None:
    done = run("ask", "git", "something", *QUICK)
    assert done.exit_code == 0
    assert done.stdout.startswith("What do you mean?")
    assert "git status  – " in done.stdout


@pytest.mark.usefixtures("scripted")
def test_ask_json_is_the_row(run: Run) -> None:
    row = json.loads(run("ask", "git", "undo it", "--json", *QUICK).stdout)
    assert row["argv"] == ["git", "reset", "--soft", "HEAD~1"]
    assert set(row) == {"id", "nl", "context", "response", "argv", "confidence", "latency_ms"}


@pytest.mark.usefixtures("scripted")
def test_ask_context_from_json_file_and_folder(run: Run, tmp_path: Path) -> None:
    context = {"git": {"current_branch": "main"}}
    run("ask", "git", "undo", "--context", json.dumps(context))
    assert Scripted.asked == [("undo", context)]
    file = tmp_path / "context.json"
    file.write_text(json.dumps(context), encoding="utf-8-sig")
    run("ask", "git", "undo", "--context", str(file))
    assert Scripted.asked == [("undo", context)]
    run("ask", "git", "undo", "--context", "null")
    assert Scripted.asked == [("undo", None)]


@pytest.mark.usefixtures("scripted")
def test_a_row_that_failed_is_an_error(run: Run) -> None:
    done = run("ask", "git", "fail", *QUICK)
    assert (done.exit_code, done.stdout) == (1, "")
    assert "no idea" in done.stderr


@pytest.mark.parametrize(
    ("args", "words"),
    [
        (["gti", "hello"], "did you mean `git`"),
        (["git", ""], "the request is empty"),
        (["git", " \t "], "the request is empty"),
        (["git", "x" * 2001], "the request has 2001 characters; at most 2000 fit"),
        (["git", "x", "--context", "[1]"], "is a JSON list, not an object"),
        (["git", "x", "--context", '"a"'], "is a JSON string, not an object"),
        (["git", "x", "--context", "{a"], "is not JSON"),
        (["git", "x", "--context", '{"git": 3}'], "the context's `git` is not an object"),
        (["git", "x", "--context", '{"git": {"remote": [1]}}'], "is not a plain value"),
        (["git", "x", "--context", "nope.json"], "there is no such file"),
        (["git", "x", "--context", "a\0b"], "cannot be read"),
        (["git", "x", "--context", "."], "cannot be read"),
        (["git", "x", "--context", "{" * 100_000], "is not JSON"),
        (["git", "x", "--model", "nope.gguf"], "there is no model file nope.gguf"),
        (["git", "x", "--model", "a.gguf", "--quant", "q8_0"], "not both"),
        (["git", "x"], "train it first: clitron train git"),
    ],
)
def test_ask_refusals(run: Run, args: list[str], words: str) -> None:
    done = run("ask", *args)
    assert done.exit_code == 1, done.output
    assert words in done.stderr
    assert done.stderr.count("\n") == 1
    assert "Traceback" not in done.output


def test_context_file_that_is_not_utf8(run: Run, tmp_path: Path) -> None:
    (tmp_path / "c.json").write_bytes(b'{"git": "\xff"}')
    done = run("ask", "git", "x", "--context", str(tmp_path / "c.json"))
    assert done.exit_code == 1
    assert "is not UTF-8 (byte 9)" in done.stderr


# -- the model file -------------------------------------------------------------------------------


def test_model_file_by_recommendation_quant_and_damage(run: Run, own_notes: Settings) -> None:
    found = model_module.find_model(own_notes, "notes")
    assert found.name == "clitron-notes-q8_0.gguf"
    assert model_module.find_model(own_notes, "notes", quant="F16").name.endswith("-f16.gguf")
    missing = run("ask", "notes", "x", "--quant", "q2_k")
    assert missing.exit_code == 1
    assert "clitron train notes --quant q2_k" in missing.stderr
    found.write_bytes(b"GGUF")
    damaged = run("ask", "notes", "x")
    assert damaged.exit_code == 1
    assert "is damaged" in damaged.stderr


# -- predict --------------------------------------------------------------------------------------

ROWS = (
    '{"id": "a", "nl": "undo", "context": null, "mine": 1}\n'
    "nonsense\n\n"
    '{"id": "b", "nl": "fail", "context": {"git": {}}, "error": "old"}\n'
    '{"id": "c", "nl": "something", "context": null}\n'
    "[1]\n"
)


@pytest.mark.usefixtures("scripted")
@pytest.mark.parametrize("standard", [True, False])
def test_predict_keeps_order_and_goes_on(run: Run, tmp_path: Path, standard: bool) -> None:
    source, target = tmp_path / "in.jsonl", tmp_path / "out.jsonl"
    source.write_text(ROWS)
    if standard:
        done = run("predict", "git", "--input", "-", "--output", "-", input=ROWS)
        text = done.stdout
    else:
        done = run("predict", "git", "--input", str(source), "--output", str(target))
        text = target.read_text()
    assert done.exit_code == 0, done.output
    rows = [json.loads(line) for line in text.splitlines()]
    assert [row["id"] for row in rows] == ["a", None, "b", "c", None]
    assert rows[0]["argv"] == ["git", "reset", "--soft", "HEAD~1"]
    assert rows[0]["mine"] == 1
    assert [row.get("error") for row in rows] == [
        None, "line 2 is not JSON (expecting value)", "no idea", None,
        "line 6 is not a JSON object",
    ]  # fmt: skip
    assert rows[3]["argv"] is None
    assert "5 rows, 3 failed" in done.stderr
    assert [file.name for file in tmp_path.iterdir() if "partial" in file.name] == []


def test_predict_with_a_real_model(run: Run, notes: Settings, tmp_path: Path) -> None:
    source, target = tmp_path / "in.jsonl", tmp_path / "out.jsonl"
    source.write_text('{"id": 1, "nl": "all my notes", "context": null}\n{"id": 2, "nl": ""}\n')
    for more in ([], ["--unconstrained"]):
        done = run("predict", "notes", "--input", str(source), "--output", str(target), *more)
        assert done.exit_code == 0, done.output
        rows = [json.loads(line) for line in target.read_text().splitlines()]
        assert [row["id"] for row in rows] == [1, 2]
        assert {"response", "argv", "confidence", "latency_ms"} <= set(rows[0])
        assert "the request is empty" in rows[1]["error"]


@pytest.mark.usefixtures("scripted")
def test_predict_without_its_input_leaves_old_answers(run: Run, tmp_path: Path) -> None:
    target = tmp_path / "out.jsonl"
    target.write_text("old answers")
    done = run("predict", "git", "--input", str(tmp_path / "none"), "--output", str(target))
    assert done.exit_code == 1
    assert "no such file" in done.stderr
    assert target.read_text() == "old answers"


@pytest.mark.usefixtures("scripted")
def test_predict_answers_the_rest_of_a_file_that_is_not_utf8(run: Run, tmp_path: Path) -> None:
    source, target = tmp_path / "latin.jsonl", tmp_path / "out.jsonl"
    source.write_bytes(b'{"id":"a","nl":"ok"}\n{"nl":"caf\xe9"}\n{"id":"c","nl":"ok"}\n')
    done = run("predict", "git", "--input", str(source), "--output", str(target))
    assert done.exit_code == 1
    assert "line 2: byte 10 is not UTF-8" in done.stderr
    rows = [json.loads(line) for line in target.read_text().splitlines()]
    assert [row["id"] for row in rows] == ["a", None, "c"]
    assert "UTF-8" in rows[1]["error"]


@pytest.mark.usefixtures("scripted")
def test_predict_output_refused(run: Run, tmp_path: Path) -> None:
    (tmp_path / "in.jsonl").write_text(ROWS)
    source = str(tmp_path / "in.jsonl")
    done = run("predict", "git", "--input", source, "--output", str(tmp_path / "no/out.jsonl"))
    assert done.exit_code == 1
    assert "cannot be written" in done.stderr
    assert done.stderr.count("\n") == 1


def test_predict_without_a_model(run: Run, tmp_path: Path) -> None:
    done = run("predict", "git", "--input", "-", "--output", "-", input="")
    assert done.exit_code == 1
    assert "train it first: clitron train git" in done.stderr
    assert run("predict", "git", "--input", "-").exit_code == 2
