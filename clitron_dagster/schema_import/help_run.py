"""Ask a program for one page of help, without trusting it.

A program is started with an argument list (no shell), closed input, an empty folder as its working
directory and a time limit; of what it prints at most ``MAX_BYTES`` are read. Afterwards its whole
process group is ended, so that a pager or daemon it started does not stay behind.
"""

from __future__ import annotations

import contextlib
import os
import re
import selectors
import signal
import subprocess
import time
import unicodedata
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from clitron_dagster.errors import ClitronError

TIMEOUT_SECONDS = 10.0
MAX_BYTES = 1024 * 1024
COLUMNS = 240  # wide enough that few programs wrap a description
_ENVIRONMENT = {
    "NO_COLOR": "1", "CLICOLOR": "0", "TERM": "dumb", "COLUMNS": str(COLUMNS),
    "PAGER": "cat", "GIT_PAGER": "cat", "GH_PAGER": "cat", "MANPAGER": "cat",
    "LC_ALL": "C.UTF-8", "LANGUAGE": "en",  # headings are looked for in English
    "DO_NOT_TRACK": "1", "GH_NO_UPDATE_NOTIFIER": "1", "GIT_TERMINAL_PROMPT": "0",
    "FILTER_BRANCH_SQUELCH_WARNING": "1",  # else it waits for ten seconds
}  # fmt: skip
_ESCAPES = re.compile(
    r"\x1b\][^\x07\x1b]*(?:\x07|\x1b\\)"  # titles, links
    r"|\x1b\[[0-?]*[ -/]*[@-~]"  # colours, cursor
    r"|\x1b[()][0-9A-Za-z]|\x1b[@-_=>]"
)


class HelpError(ClitronError):
    """A program that is not there, or whose help cannot be used."""


@dataclass(frozen=True)
class Output:
    """What one call printed, cleaned. ``code`` is None where it was ended for taking too long."""

    stdout: str
    stderr: str
    code: int | None

    @property
    def timed_out(self) -> bool:
        return self.code is None


def run(argv: Sequence[str], folder: Path, timeout: float = TIMEOUT_SECONDS) -> Output:
    """Run ``argv`` in ``folder`` and return what it printed within ``timeout`` seconds.

    Raises:
        HelpError: the program cannot be started.
    """
    try:
        process = subprocess.Popen(
            list(argv),
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            cwd=folder,
            env={**os.environ, **_ENVIRONMENT},
            start_new_session=True,
        )
    except (OSError, ValueError) as error:
        why = getattr(error, "strerror", None) or str(error)
        raise HelpError(f"`{argv[0]}` cannot be started: {why.lower()}") from None
    with process:
        try:
            out, err, ended = _read(process, time.monotonic() + timeout)
        finally:
            with contextlib.suppress(ProcessLookupError, PermissionError):
                os.killpg(process.pid, signal.SIGKILL)
        code = process.wait()
    return Output(clean(out), clean(err), code if ended else None)


def _read(process: subprocess.Popen[bytes], deadline: float) -> tuple[bytes, bytes, bool]:
    """Both streams up to ``MAX_BYTES``, and whether the program itself ended in time."""
    out, err = process.stdout, process.stderr
    assert out is not None
    assert err is not None
    found = {out.fileno(): bytearray(), err.fileno(): bytearray()}
    with selectors.DefaultSelector() as selector:
        for stream in found:
            selector.register(stream, selectors.EVENT_READ)
        while selector.get_map() and sum(map(len, found.values())) < MAX_BYTES:
            left = deadline - time.monotonic()
            ready = selector.select(min(left, 0.2)) if left > 0 else []
            for key, _ in ready:
                chunk = os.read(key.fd, 65_536)
                found[key.fd] += chunk
                if not chunk:
                    selector.unregister(key.fd)
            # a pipe can outlive the program: something that it started may hold it
            if left <= 0 or (not ready and process.poll() is not None):
                break
    with contextlib.suppress(subprocess.TimeoutExpired):
        process.wait(max(0.0, min(1.0, deadline - time.monotonic())))
    return bytes(found[out.fileno()]), bytes(found[err.fileno()]), process.poll() is not None


def clean(raw: bytes | str) -> str:
    """Plain text: no colours, overstrikes, tabs, carriage returns or hidden characters."""
    text = raw.decode("utf-8", "replace") if isinstance(raw, bytes) else raw
    text = _ESCAPES.sub("", text).replace("\r\n", "\n")
    text = re.sub(r"[^\x08\n]\x08", "", text).replace("\b", "")  # N, backspace, N: a bold N
    lines = (line.rsplit("\r", 1)[-1].expandtabs(8).rstrip() for line in text.split("\n"))
    return "\n".join("".join(_visible(character) for character in line) for line in lines)


def _visible(character: str) -> str:
    if character.isascii():
        return character if character.isprintable() else ""
    kind = unicodedata.category(character)
    return " " if kind == "Zs" else "" if kind in ("Cc", "Cf", "Cs", "Co", "Cn") else character
