"""clitron ask: what is run, what is asked first, what is only shown or refused, and --print."""

from __future__ import annotations

import shlex
from pathlib import Path

import pytest

from clitron_dagster.cli import execute
from clitron_dagster_tests.cli.conftest import Run
from clitron_dagster_tests.cli.scripted import Program, Scripted

ASK = ("ask", "git", "--context", "none")
SOFT = ["reset", "--soft", "HEAD~1"]
HARD = ["reset", "--hard", "HEAD~1"]


@pytest.mark.usefixtures("scripted", "terminal")
@pytest.mark.parametrize(
    ("confidence", "typed", "ran", "mark"),
    [
        (0.95, "\n", True, "[Y/n]"),
        (0.95, "n\n", False, "[Y/n]"),
        (0.8, "\n", False, "[y/N]"),
        (0.8, "y\n", True, "[y/N]"),
        (0.6, "y\n", False, "or one of these?"),
        (0.3, "y\n", False, "hardly more than a guess"),
    ],
)
def test_at_a_terminal(
    run: Run, git: Program, confidence: float, typed: str, ran: bool, mark: str
) -> None:
    Scripted.confidence = confidence
    done = run(*ASK, "undo the commit", input=typed)
    assert done.exit_code == 0, done.output
    assert mark in done.output
    assert git.calls == ([SOFT] if ran else [])


@pytest.mark.usefixtures("scripted")
@pytest.mark.parametrize("confidence", [1.0, 0.8, 0.3])
def test_without_a_terminal_nothing_is_run(run: Run, git: Program, confidence: float) -> None:
    Scripted.confidence = confidence
    done = run(*ASK, "undo the commit", input="y\n")
    assert (done.exit_code, git.calls) == (0, [])
    assert done.stdout.startswith("git reset --soft 'HEAD~1'")
    refused = run(*ASK, "--run", "undo the commit", input="y\n")
    assert (refused.exit_code, git.calls) == (execute.NOT_RUN, [])
    assert "not run: there is no terminal" in refused.stderr


@pytest.mark.usefixtures("scripted")
def test_yes_runs_here_and_passes_the_exit_code_on(
    run: Run, git: Program, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    git.exits_with(7)
    assert run(*ASK, "--yes", "undo").exit_code == 7
    assert git.calls == [SOFT]
    assert git.folders == [str(tmp_path)]


@pytest.mark.usefixtures("scripted")
def test_yes_alone_runs_nothing_of_low_confidence(run: Run, git: Program) -> None:
    Scripted.confidence = 0.6
    done = run(*ASK, "--yes", "undo")
    assert (done.exit_code, git.calls) == (execute.NOT_RUN, [])
    assert "add --run" in done.stderr
    assert run(*ASK, "--yes", "--run", "undo").exit_code == 0
    assert git.calls == [SOFT]


@pytest.mark.usefixtures("scripted")
@pytest.mark.parametrize("options", [["--yes"], ["--run"], ["--yes", "--run"]])
def test_no_option_runs_a_destructive_command(run: Run, git: Program, options: list[str]) -> None:
    Scripted.confidence = 1.0
    done = run(*ASK, *options, "hard reset", input="y\n")
    assert (done.exit_code, git.calls) == (execute.NOT_RUN, [])
    assert "not run: what can destroy work" in done.stderr


@pytest.mark.usefixtures("scripted", "terminal")
@pytest.mark.parametrize("options", [[], ["--yes"], ["--yes", "--run"]])
def test_a_destructive_command_needs_a_typed_yes(
    run: Run, git: Program, options: list[str]
) -> None:
    Scripted.confidence = 1.0
    enter = run(*ASK, *options, "hard reset", input="\n")
    assert "lose work for good. Run it? [y/N]" in enter.output
    assert enter.exit_code == (execute.NOT_RUN if options else 0)
    assert run(*ASK, *options, "hard reset", input="").exit_code == 1  # the input has ended
    assert git.calls == []
    assert run(*ASK, *options, "hard reset", input="y\n").exit_code == 0
    assert git.calls == [HARD]


@pytest.mark.usefixtures("scripted")
def test_a_command_within_the_command_counts_as_destructive(run: Run, git: Program) -> None:
    Scripted.confidence = 1.0
    done = run(*ASK, "--yes", "exec rm -rf ~")
    assert (done.exit_code, git.calls) == (execute.NOT_RUN, [])
    assert "RUNS A COMMAND that stands in it" in done.stdout


@pytest.mark.usefixtures("scripted")
def test_a_missing_program_is_one_sentence(run: Run, git: Program) -> None:
    git.file.unlink()
    done = run(*ASK, "--yes", "undo")
    assert done.exit_code == 1
    assert done.stderr == "error: `git` is not installed here: no such program on the PATH\n"


@pytest.mark.usefixtures("scripted")
def test_a_program_that_a_signal_ended(run: Run, git: Program) -> None:
    git.file.write_text("#!/bin/sh\nkill -9 $$\n")
    assert run(*ASK, "--yes", "undo").exit_code == 137
    git.file.write_text("no program at all")
    broken = run(*ASK, "--yes", "undo")
    assert broken.exit_code == 1
    assert "`git` cannot be started" in broken.stderr


# -- --print --------------------------------------------------------------------------------------


@pytest.mark.usefixtures("scripted")
@pytest.mark.parametrize("confidence", [1.0, 0.2])
def test_print_is_the_command_alone(run: Run, git: Program, confidence: float) -> None:
    Scripted.confidence = confidence
    done = run(*ASK, "--print", "undo")
    assert (done.exit_code, done.stdout, done.stderr) == (0, "git reset --soft 'HEAD~1'\n", "")
    assert git.calls == []


@pytest.mark.usefixtures("scripted")
@pytest.mark.parametrize("options", [["--print"], ["--yes"], ["--run"]])
def test_a_question_is_no_command(run: Run, git: Program, options: list[str]) -> None:
    done = run(*ASK, *options, "something")
    assert (done.exit_code, git.calls) == (execute.IS_QUESTION, [])
    if options == ["--print"]:
        assert (done.stdout, done.stderr) == ("", "What do you mean?\n")


@pytest.mark.usefixtures("scripted")
@pytest.mark.parametrize(
    "options", [["--print", "--yes"], ["--json", "--run"], ["--print", "--json"]]
)
def test_options_that_contradict_each_other(run: Run, options: list[str]) -> None:
    assert run(*ASK, *options, "undo").exit_code == 2


# -- hostile requests -----------------------------------------------------------------------------

HOSTILE = (
    "$(touch /tmp/x)", "`id`", "; rm -rf ~", "&& reboot", "| sh", "> /etc/passwd", "it's", '"', "''",
    "a\\", "\\' ; id #", "!!", "!$", "*", "~root", "{a,b}", "$HOME", "=ls", "%1", "#no", "-n",
    "--amend", "a\nb", "a\tb", "ü", "\\", "'; id; '", "'\"'\"'", "--", "^x^y", "<(id)",
)  # fmt: skip


@pytest.mark.usefixtures("scripted")
@pytest.mark.parametrize("text", HOSTILE)
def test_metacharacters_reach_the_program_as_one_inert_item(
    run: Run, git: Program, text: str
) -> None:
    done = run(*ASK, "--yes", "--", f"say {text}")
    assert done.exit_code == 0, done.output
    assert git.calls == [["commit", "--message", text]]
    printed = run(*ASK, "--print", "--", f"say {text}").stdout
    assert shlex.split(printed) == ["git", "commit", "--message", text]


@pytest.mark.usefixtures("scripted")
@pytest.mark.parametrize("text", ["\x1b[2Jx", "a\u202eb", "a\rb", "a\x07"])
def test_what_a_terminal_would_obey_is_not_printed(run: Run, git: Program, text: str) -> None:
    done = run(*ASK, "--print", "--", f"say {text}")
    assert (done.exit_code, done.stdout) == (execute.NOT_RUN, "")
    assert "not printed: the command holds the character \\" in done.stderr
    shown = run(*ASK, "--", f"say {text}")
    assert text not in shown.output


@pytest.mark.usefixtures("scripted")
def test_a_hostile_context_is_only_text(run: Run, git: Program) -> None:
    branch = "$(touch pwned); rm -rf ~ #"
    run("ask", "git", "undo", "--context", f'{{"git": {{"current_branch": "{branch}"}}}}', "--yes")
    assert Scripted.asked == [("undo", {"git": {"current_branch": branch}})]
    assert git.calls == [SOFT]
