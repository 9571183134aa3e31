"""clitron shell-init: the widgets in the shells themselves, with a stand-in clitron."""

from __future__ import annotations

import json
import os
import pty
import select
import shutil
import subprocess
import sys
import time
from pathlib import Path

import pytest

from clitron_dagster.cli.shell_init import WIDGETS
from clitron_dagster_tests.cli.conftest import Run

# How each shell runs a script, and around the widget what an editor of lines would set and read.
SHELLS = {
    "bash": (
        ["bash", "--norc", "--noprofile", "-c"],
        'READLINE_LINE=$LINE_BEFORE READLINE_POINT=0; _clitron_widget; printf "%s" "$READLINE_LINE"',
    ),
    "zsh": (
        ["zsh", "-f", "-c"],
        'zle() { :; }; BUFFER=$LINE_BEFORE; _clitron_widget; printf "%s" "$BUFFER"',
    ),
    "fish": (
        ["fish", "--no-config", "-c"],
        "set -g buffer $LINE_BEFORE\n"
        "function commandline; switch \"$argv[1]\"; case ''; echo -- $buffer\n"
        "case -r; set -g buffer $argv[3]; end; end\n"
        "_clitron_widget; printf '%s' $buffer",
    ),
}


@pytest.fixture(params=list(SHELLS))
def shell(request: pytest.FixtureRequest) -> str:
    if shutil.which(request.param) is None:
        pytest.skip(f"{request.param} is not installed")
    return str(request.param)


@pytest.fixture
def clitron(tmp_path: Path) -> Path:
    """A clitron that writes down its arguments; it asks back where "something" is wanted."""
    file = tmp_path / "bin" / "clitron"
    file.parent.mkdir()
    file.write_text(
        f"#!{sys.executable}\nimport json, sys\n"
        f"open({str(tmp_path / 'asked')!r}, 'w').write(json.dumps(sys.argv[1:]))\n"
        "if 'something' in sys.argv[-1]: sys.exit('What do you mean?')\n"
        "print(\"git commit --message 'it\\nis $(touch pwned)'\")\n"
    )
    file.chmod(0o755)
    return file


COMMAND = "git commit --message 'it\nis $(touch pwned)'"


def press(shell: str, script: str, line: str, clitron: Path) -> tuple[str, list[str], str]:
    """The line after the key, what clitron was asked, and what was shown."""
    start, around = SHELLS[shell]
    folder = clitron.parent.parent
    done = subprocess.run(
        [*start, f"{script}\n{around}"],
        env={"PATH": f"{clitron.parent}:{os.environ['PATH']}", "LINE_BEFORE": line, "HOME": "/"},
        cwd=folder, capture_output=True, text=True, check=True, timeout=60,
    )  # fmt: skip
    asked = folder / "asked"
    words = json.loads(asked.read_text()) if asked.exists() else []
    assert not (folder / "pwned").exists()
    return done.stdout, words, done.stderr


def test_syntax(run: Run, shell: str, tmp_path: Path) -> None:
    file = tmp_path / "init"
    file.write_text(run("shell-init", shell).stdout)
    subprocess.run([shell, "-n", str(file)], check=True, capture_output=True)


@pytest.mark.parametrize(
    ("line", "cli", "request_text"),
    [
        ("undo my last commit", "git", "undo my last commit"),
        ("  # undo it", "git", "undo it"),
        ("gh merge this", "gh", "merge this"),
        ("#gh merge this", "gh", "merge this"),
        ("ghost stories", "git", "ghost stories"),
        ("say $(touch pwned); `touch pwned` 'x", "git", "say $(touch pwned); `touch pwned` 'x"),
        ("--yes run it", "git", "--yes run it"),
    ],
)
def test_the_line_becomes_the_command(
    run: Run, shell: str, clitron: Path, line: str, cli: str, request_text: str
) -> None:
    script = run("shell-init", shell).stdout
    after, asked, shown = press(shell, script, line, clitron)
    assert after == COMMAND
    assert asked[:-1] == ["ask", cli, "--print", "--shell", shell, "--"]
    assert asked[-1].strip() == request_text
    assert shown == ""


@pytest.mark.parametrize("line", ["", "   ", "# ", "git", "git  "])
def test_nothing_is_asked_of_an_empty_line(run: Run, shell: str, clitron: Path, line: str) -> None:
    after, asked, _ = press(shell, run("shell-init", shell).stdout, line, clitron)
    assert (after.strip(), asked) == (line.strip(), [])


def test_a_question_is_shown_and_the_line_stays(run: Run, shell: str, clitron: Path) -> None:
    script = run("shell-init", shell).stdout
    after, _, shown = press(shell, script, "do something", clitron)
    assert after == "do something"
    assert "What do you mean?" in shown


def test_alt_g_in_a_real_bash(run: Run, clitron: Path) -> None:
    """The key is bound, the command stands in the line, and nothing of it is run."""
    folder = clitron.parent.parent
    (folder / "rc").write_text(run("shell-init", "bash").stdout + "PS1='ready> '\n")
    pid, terminal = pty.fork()
    if pid == 0:
        os.chdir(folder)
        os.environ.update(PATH=f"{clitron.parent}:{os.environ['PATH']}", TERM="dumb")
        os.execvp("bash", ["bash", "--noprofile", "--rcfile", str(folder / "rc"), "-i"])
    try:
        _read_until(terminal, b"ready> ")
        os.write(terminal, b"# undo it\x1bg")
        seen = _read_until(terminal, b"touch pwned)'")
        assert b"git commit --message 'it" in seen
        assert not (folder / "pwned").exists()
    finally:
        os.close(terminal)  # which hangs bash up
        os.waitpid(pid, 0)


def _read_until(terminal: int, mark: bytes, seconds: float = 60) -> bytes:
    seen, end = b"", time.monotonic() + seconds
    while mark not in seen and time.monotonic() < end:
        if select.select([terminal], [], [], 1)[0]:
            seen += os.read(terminal, 4096)
    assert mark in seen, seen
    return seen


def test_the_cli_of_lines_that_name_none(run: Run) -> None:
    assert "cli=${CLITRON_CLI:-gh}" in run("shell-init", "bash", "--cli", "gh").stdout
    unknown = run("shell-init", "bash", "--cli", "gti")
    assert unknown.exit_code == 1
    assert "did you mean `git`" in unknown.stderr


def test_names_of_files_cannot_leave_their_place(
    run: Run, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / '"; touch pwned; ".yaml').write_text("x")
    monkeypatch.setenv("CLITRON_SCHEMAS", str(tmp_path))
    done = run("shell-init", "bash")
    assert done.exit_code == 1
    assert "there is no schema" in done.stderr
    (tmp_path / "own.yaml").write_text("x")
    for shell in WIDGETS:
        text = run("shell-init", shell).stdout
        assert "pwned" not in text
        assert "own" in text
