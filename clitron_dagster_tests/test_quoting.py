"""Lines for shells: what the shells themselves make of them."""

from __future__ import annotations

import shlex
import shutil
import subprocess

import pytest
from hypothesis import given
from hypothesis import strategies as st

from clitron_dagster.quoting import SHELLS, hidden, quote_line

TEXT = st.text(
    st.one_of(
        st.sampled_from("'\"\\$`!*?~#;&|<>(){}[]=%^-\n\t aü"),
        st.characters(exclude_characters="\0", exclude_categories=["Cs"]),
    ),
    min_size=1,
    max_size=30,
)
# Each shell prints the items that it makes of the line, a NUL behind each.
PRINT = {
    "bash": ["bash", "--norc", "--noprofile"],
    "zsh": ["zsh", "-f", "-o", "EXTENDED_GLOB", "-o", "RC_QUOTES"],
    "fish": ["fish", "--no-config"],
}
NASTY = [
    "$(id)", "`id`", "it's", "''", "\\", "a\\", "\\'; echo gone; '", "x\\", "; echo gone #",
    "=ls", "%self", "!!", "~root", "*", "{a,b}", "a\nb", "-n", "#x", "^", "a b",
    '"', "$HOME", "'", "a'", "'a", "ü",
]  # fmt: skip


@given(st.lists(TEXT, min_size=1, max_size=5))
def test_a_posix_line_splits_back(argv: list[str]) -> None:
    assert shlex.split(quote_line(argv)) == argv


@pytest.mark.parametrize("shell", SHELLS)
def test_shells_split_a_line_back(shell: str, monkeypatch: pytest.MonkeyPatch) -> None:
    if shutil.which(shell) is None:
        pytest.skip(f"{shell} is not installed")
    monkeypatch.setenv("LC_ALL", "C.UTF-8")
    line = quote_line(["printf", "%s\\0", *NASTY], shell)  # type: ignore[arg-type]
    done = subprocess.run([*PRINT[shell], "-c", line], capture_output=True, text=True, check=True)
    assert done.stdout.split("\0")[:-1] == NASTY


def test_fish_takes_a_backslash_for_an_escape() -> None:
    assert quote_line(["x\\", "it's"], "fish") == r"'x\\' 'it\'s'"


def test_plain_words_stay_plain() -> None:
    line = "git push --force-with-lease=main origin HEAD:refs/heads/x @v1.0"
    assert quote_line(line.split()) == line


@pytest.mark.parametrize(
    ("text", "found"),
    [("a\tb\nc ü 漢", None), ("a\x1b[2J", "\\x1b"), ("\u202e", "\\u202e"), ("a\r", "\\r")],
)
def test_hidden_characters(text: str, found: str | None) -> None:
    assert hidden(text) == found
