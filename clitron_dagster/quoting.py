"""One line for a shell from argv: every item stays one inert word, whatever it holds.

``shlex.join`` is right for a POSIX shell. Two shells that people type into differ: fish takes a
backslash inside single quotes for an escape, so that a value which ends in one would leave its
quotes open; and zsh replaces a bare word that begins with ``=`` by the path of a program.
"""

from __future__ import annotations

import re
import unicodedata
from typing import Literal

Shell = Literal["bash", "zsh", "fish"]
SHELLS: tuple[Shell, ...] = ("bash", "zsh", "fish")
_BARE = re.compile(r"[A-Za-z0-9_@+:,./-][A-Za-z0-9_@+:,./=-]*")


def quote_line(argv: list[str], shell: Shell = "bash") -> str:
    """``argv`` as a line that ``shell`` splits back into exactly these items.

    >>> quote_line(["git", "commit", "--message", "it's $HOME"])
    'git commit --message \\'it\\'"\\'"\\'s $HOME\\''
    """
    return " ".join(_fish(item) if shell == "fish" else _posix(item) for item in argv)


def _posix(item: str) -> str:
    if _BARE.fullmatch(item):
        return item
    return "'" + item.replace("'", "'\"'\"'") + "'"


def _fish(item: str) -> str:
    if _BARE.fullmatch(item):
        return item
    return "'" + item.replace("\\", "\\\\").replace("'", "\\'") + "'"


def hidden(text: str) -> str | None:
    """The first character that a terminal would obey or not show, spelled out; None without one.

    A line break and a tab are shown, so they are none.
    """
    for character in text:
        if character not in "\n\t" and unicodedata.category(character) in ("Cc", "Cf", "Cs"):
            return character.encode("unicode_escape").decode()
    return None
