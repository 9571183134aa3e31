"""clitron chat and feedback: a session with corrections, and what is kept of them."""

from __future__ import annotations

import json
from typing import Any

import pytest
from click.testing import Result

from clitron_dagster.settings import Settings
from clitron_dagster_tests.cli.conftest import Run
from clitron_dagster_tests.cli.scripted import Program, Scripted

FIX = "/fix git reset --mixed HEAD~1"
SOFT = ["reset", "--soft", "HEAD~1"]
MIXED = ["reset", "--mixed", "HEAD~1"]


def chat(run: Run, *lines: str) -> Result:
    return run("chat", "git", "--context", "none", input="".join(f"{line}\n" for line in lines))


def told(run: Run) -> list[dict[str, Any]]:
    done = run("feedback", "list", "git", "--json")
    assert done.exit_code == 0, done.output
    items: list[dict[str, Any]] = json.loads(done.stdout)
    return items


@pytest.mark.usefixtures("scripted")
def test_a_session_answers_with_one_model(run: Run, git: Program) -> None:
    done = chat(run, "undo it", "", "something", "fail", "hard reset", "/quit", "never asked")
    assert done.exit_code == 0, done.output
    assert [request for request, _ in Scripted.asked] == [
        "undo it", "something", "fail", "hard reset"
    ]  # fmt: skip
    assert "git reset --soft 'HEAD~1'" in done.stdout
    assert "What do you mean?" in done.stdout
    assert "no answer: no idea" in done.stderr
    assert git.calls == []


@pytest.mark.usefixtures("scripted")
def test_the_end_of_the_input_ends_the_session(run: Run) -> None:
    assert chat(run, "undo it").exit_code == 0


@pytest.mark.usefixtures("scripted")
def test_help_and_mistakes(run: Run, git: Program) -> None:
    done = chat(run, "/run", "/fix status", "/nope", "something", "/run", "/help", "/fix 'a")
    assert done.stderr.count("there is no answer yet") == 2
    assert "there is no /nope; /help shows" in done.stderr
    assert "the last answer is a question" in done.stderr
    assert "no closing quotation" in done.stderr
    assert "/fix git --help" in done.stdout
    assert git.calls == []


@pytest.mark.usefixtures("scripted")
def test_run_needs_no_question_but_for_destruction(run: Run, git: Program, terminal: None) -> None:
    chat(run, "undo it", "/run", "hard reset", "/run", "n", "/run", "y")
    assert git.calls == [SOFT, ["reset", "--hard", "HEAD~1"]]


@pytest.mark.usefixtures("scripted")
def test_run_of_destruction_is_refused_without_a_terminal(run: Run, git: Program) -> None:
    git.exits_with(5)
    done = chat(run, "hard reset", "/run", "y", "undo it", "/run")
    assert git.calls == [SOFT]
    assert "not run: what can destroy work" in done.stderr
    assert "exit code 5" in done.stderr


@pytest.mark.usefixtures("scripted")
@pytest.mark.parametrize("fix", [[FIX], ["/fix", "git reset --mixed HEAD~1"], [FIX[:5] + FIX[9:]]])
def test_a_correction_is_kept_and_is_what_runs(run: Run, git: Program, fix: list[str]) -> None:
    done = chat(run, "undo it", *fix, "y", "/run")
    assert "git reset --mixed 'HEAD~1'" in done.stdout
    assert "kept as" in done.stdout
    assert git.calls == [MIXED]
    assert [(item["request"], item["argv"]) for item in told(run)] == [("undo it", ["git", *MIXED])]


@pytest.mark.usefixtures("scripted")
def test_a_correction_that_is_not_wanted_or_not_legal_is_not_kept(run: Run, git: Program) -> None:
    done = chat(run, "undo it", FIX, "n", "/fix git rset", "/fix git reset --sfot", "/ask")
    assert done.exit_code == 0, done.output
    assert "there is no command `rset` (did you mean `reset`?)" in done.stderr
    assert "did you mean `--soft`" in done.stderr
    assert told(run) == []


@pytest.mark.usefixtures("scripted")
def test_the_right_answer_may_be_a_question(run: Run) -> None:
    chat(run, "undo it", "/ask Undo what?", "y")
    assert [(item["argv"], item["ask"]) for item in told(run)] == [(None, "Undo what?")]


@pytest.mark.usefixtures("scripted", "terminal")
def test_ask_says_how_to_correct_what_was_declined(run: Run, git: Program) -> None:
    done = run("ask", "git", "--context", "none", "undo it", input="n\n")
    assert "clitron feedback add git 'undo it' -- git …" in done.stdout
    assert git.calls == []


# -- clitron feedback -----------------------------------------------------------------------------


def test_add_list_and_remove(run: Run) -> None:
    assert "no feedback on git" in run("feedback", "list", "git").stdout
    done = run("feedback", "add", "git", "undo it", "--", "git", "reset", "--soft", "HEAD~1")
    assert done.exit_code == 0, done.output
    id, *rest = done.stdout.split()
    assert " ".join(rest) == "undo it → git reset --soft 'HEAD~1'"
    again = run("feedback", "add", "git", "undo it", "--ask", "Undo what?")
    assert "in place of: git reset --soft 'HEAD~1'" in again.stderr
    context = '{"git": {"current_branch": "x"}}'
    run("feedback", "add", "git", "undo it", "--context", context, "--", "reset", "--soft")
    listed = run("feedback", "list", "git").stdout.splitlines()
    assert len(listed) == 2
    assert listed[0].endswith("undo it → Undo what?")
    assert "current_branch" in listed[1]
    gone = run("feedback", "remove", "git", id)
    assert gone.stdout == "removed: undo it → Undo what?\n"
    assert [item["context"] for item in told(run)] == [json.loads(context)]


@pytest.mark.parametrize(
    ("args", "words"),
    [
        (["add", "git", "undo it"], "give the right command, or the question"),
        (["add", "git", "x", "--ask", "y", "--", "git", "status"], "one of the two"),
        (["add", "git", "x", "--", "git", "stauts"], "did you mean `status`"),
        (["add", "git", "x", "--", "git", "commit", "--mesage", "x"], "did you mean `--message`"),
        (["add", "git", " ", "--", "git", "status"], "the request is empty"),
        (["add", "git", "x", "--context", "[1]", "--", "git", "status"], "is a JSON list"),
        (["add", "gti", "x", "--", "git", "status"], "did you mean `git`"),
        (["list", "gti"], "did you mean `git`"),
        (["remove", "git", "nope"], "there is no feedback `nope` on git"),
    ],
)
def test_refusals_are_one_sentence(run: Run, args: list[str], words: str) -> None:
    done = run("feedback", *args)
    assert done.exit_code == 1, done.output
    assert words in done.stderr
    assert done.stderr.count("\n") == 1
    assert told(run) == []


def test_a_store_that_cannot_be_written(run: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    place = Settings().schemas_dir / "git.yaml"  # a file where a folder is needed
    monkeypatch.setenv("CLITRON_STORE", str(place))
    done = run("feedback", "add", "git", "undo it", "--", "git", "status")
    assert done.exit_code == 1
    assert "cannot be written: a file stands where a folder is needed" in done.stderr
