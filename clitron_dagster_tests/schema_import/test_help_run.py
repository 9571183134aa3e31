"""A program that is asked for help cannot hang, flood, colour or escape."""

import time

import pytest

from clitron_dagster.schema_import.help_run import MAX_BYTES, HelpError, clean, run
from clitron_dagster_tests.schema_import.helpers import program


def test_it_runs_without_shell_input_or_colours(tmp_path):
    body = 'cat; echo "$@"; echo "$NO_COLOR $PAGER $TERM $(pwd)"'
    answer = run([program(tmp_path, body), "$(touch x)", "; touch y"], tmp_path)
    assert answer.stdout.splitlines() == ["$(touch x) ; touch y", f"1 cat dumb {tmp_path}"]
    assert answer.code == 0
    assert sorted(file.name for file in tmp_path.iterdir()) == ["prog"]


def test_one_that_hangs_is_ended_with_its_children(tmp_path):
    start = time.monotonic()
    answer = run([program(tmp_path, "echo hi; (sleep 60) & sleep 60")], tmp_path, timeout=0.5)
    assert answer.timed_out
    assert answer.stdout == "hi\n"
    assert time.monotonic() - start < 5


def test_a_pipe_held_open_by_a_child_does_not_matter(tmp_path):
    start = time.monotonic()
    answer = run([program(tmp_path, "sleep 60 & echo done")], tmp_path, timeout=30)
    assert (answer.code, answer.stdout) == (0, "done\n")
    assert time.monotonic() - start < 10


def test_one_that_floods_is_cut(tmp_path):
    answer = run([program(tmp_path, "yes")], tmp_path, timeout=20)
    assert answer.timed_out
    assert MAX_BYTES <= len(answer.stdout) < 2 * MAX_BYTES


def test_one_that_cannot_start_is_named(tmp_path):
    (tmp_path / "garbage").write_bytes(b"\0\1\2")
    with pytest.raises(HelpError, match="garbage` cannot be started: permission denied"):
        run([str(tmp_path / "garbage")], tmp_path)


@pytest.mark.parametrize(
    ("raw", "text"),
    [
        ("\x1b[1;31mUsage:\x1b[0m x", "Usage: x"),
        ("N\bNA\bAM\bME\bE _\bf_\bi", "NAME fi"),
        ("\x1b]8;;https://x.org\x07link\x1b]8;;\x07", "link"),
        ("50%\r100%\r\nnext", "100%\nnext"),
        ("a\tb", "a       b"),
        ("right\u202eleft\u200b \x00\x07", "rightleft "),
        (b"\xff\xfeok", "\ufffd\ufffdok"),
    ],
)
def test_text_is_cleaned(raw, text):
    assert clean(raw) == text
