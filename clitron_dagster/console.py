"""What the ``clitron`` command shows while a run is under way, on stderr.

Assets report here when their resource says ``echo``; dagster's own log stays off then. On a
terminal a long stage has a live bar; elsewhere (a pipe, CI) counters are thinned to a line every
ten seconds. Rich is imported when the first line is written: importing this module costs nothing.
"""

from __future__ import annotations

import io
import os
import re
import sys
import time
from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, TextIO

if TYPE_CHECKING:
    from rich.console import Console
    from rich.progress import Progress, TaskID

QUIET_SECONDS = 10.0  # between two counters where there is no live bar
NAME_WIDTH = 17  # of the longest stage name
_COUNTER = re.compile(r"(?:\bstep|\bsampled|^\S+) \d+/\d+\b")
_DONE, _TOTAL = ("step", "done", "prompts", "rows"), ("steps", "of", "total")


@dataclass(frozen=True)
class StageRun:
    """What became of one stage in this process."""

    cli: str
    stage: str
    reused: bool
    seconds: float
    reasons: tuple[str, ...]


def _terminal() -> TextIO:
    """stderr by a descriptor of its own: dagster points descriptor 2 elsewhere during a step."""
    if sys.stderr is not sys.__stderr__:
        return sys.stderr  # a test's
    try:
        return os.fdopen(os.dup(2), "w", encoding="utf-8", errors="replace", buffering=1)
    except OSError:  # closed: `2>&-`
        return io.StringIO()


class _Screen:
    """The one place that writes; a module-level instance of it is shared by all stages."""

    def __init__(self) -> None:
        self.runs: list[StageRun] = []
        self.stage = ""
        self._stream = _terminal()
        self._console: Console | None = None
        self._bar: Progress | None = None
        self._task: TaskID | None = None
        self._spoke = 0.0  # when the last counter was written

    @property
    def console(self) -> Console:
        if self._console is None:
            from rich.console import Console

            self._console = Console(
                file=self._stream, highlight=False, markup=False, soft_wrap=True
            )
        return self._console

    def print(self, text: str, style: str | None = None) -> None:
        self.console.print(text, style=style)

    # -- one stage --------------------------------------------------------------------------------

    def start(self, stage: str) -> None:
        self.close()
        again = self.stage == stage and not any(run.stage == stage for run in self.runs)
        self.stage, self._spoke = stage, time.monotonic()
        if again:
            self.log("failed; trying once more")

    def log(self, line: str) -> None:
        line = re.sub(rf"^{self.stage} of \S+: ", "", line)
        counts = _COUNTER.search(line) is not None
        if counts and (self._task is not None or not self._due()):
            return  # the bar says it, or a line said it a moment ago
        self._show_bar()
        self.print(f"  {self.stage:<{NAME_WIDTH}} {line}", style="dim")

    def progress(self, numbers: Mapping[str, Any]) -> None:
        if not self.console.is_terminal:
            return  # the stage's log lines say it
        self._show_bar()
        assert self._bar is not None
        assert self._task is not None
        total = _first(numbers, _TOTAL)
        done = _first(numbers, _DONE) if total else None
        self._bar.update(self._task, completed=done or 0, total=total, detail=_detail(numbers))

    def finish(self, run: StageRun) -> None:
        self.close()
        self.runs.append(run)
        state = "reused" if run.reused else "computed"
        why = f"  ({'; '.join(run.reasons[:3])})" if run.reasons else ""
        line = f"✓ {run.stage:<{NAME_WIDTH}} {state:<8} {duration(run.seconds):>8}{why}"
        self.print(line, style="dim" if run.reused else "green")

    def close(self) -> None:
        if self._bar is not None:
            self._bar.stop()
        self._bar = self._task = None

    # -- details ----------------------------------------------------------------------------------

    def _due(self) -> bool:
        if time.monotonic() - self._spoke < QUIET_SECONDS:
            return False
        self._spoke = time.monotonic()
        return True

    def _show_bar(self) -> None:
        if self._bar is not None or not self.console.is_terminal:
            return
        from rich.progress import (
            BarColumn,
            MofNCompleteColumn,
            Progress,
            SpinnerColumn,
            TextColumn,
            TimeElapsedColumn,
            TimeRemainingColumn,
        )

        self._bar = Progress(
            SpinnerColumn(),
            TextColumn("{task.description}", markup=False),
            BarColumn(bar_width=24),
            MofNCompleteColumn(),
            TextColumn("{task.fields[detail]}", markup=False),
            TimeElapsedColumn(),
            TimeRemainingColumn(),
            console=self.console,
            transient=True,
            redirect_stdout=False,
            redirect_stderr=False,
        )
        self._task = self._bar.add_task(self.stage, total=None, detail="")
        self._bar.start()


_screen = _Screen()


def reset() -> None:
    """Forget earlier runs and look up the terminal again."""
    global _screen
    _screen.close()
    _screen = _Screen()


def finished() -> list[StageRun]:
    """Stages that ended well since :func:`reset`, in order."""
    return list(_screen.runs)


def running() -> str:
    """The stage that was started last."""
    return _screen.stage


def stage_started(cli: str, stage: str) -> None:
    _screen.start(stage)


def stage_log(line: str) -> None:
    _screen.log(line)


def stage_progress(numbers: Mapping[str, Any]) -> None:
    _screen.progress(numbers)


def stage_finished(
    cli: str, stage: str, reused: bool, seconds: float, reasons: tuple[str, ...] = ()
) -> None:
    _screen.finish(StageRun(cli, stage, reused, seconds, reasons))


def close() -> None:
    """Take a live bar away, whatever happened."""
    _screen.close()


class Reporter:
    """The same functions for one stage of one CLI."""

    def __init__(self, cli: str, stage: str) -> None:
        self.cli, self.stage = cli, stage

    def started(self) -> None:
        stage_started(self.cli, self.stage)

    def log(self, line: str) -> None:
        stage_log(line)

    def progress(self, numbers: Mapping[str, Any]) -> None:
        stage_progress(numbers)

    def finished(self, reused: bool, seconds: float, reasons: tuple[str, ...] = ()) -> None:
        stage_finished(self.cli, self.stage, reused, seconds, reasons)


def duration(seconds: float) -> str:
    """``0.03 s``, ``8.4 s``, ``3 min 05 s``."""
    if seconds < 60:
        return f"{seconds:.2f} s" if seconds < 1 else f"{seconds:.1f} s"
    minutes, rest = divmod(round(seconds), 60)
    return f"{minutes} min {rest:02d} s"


def _first(numbers: Mapping[str, Any], names: tuple[str, ...]) -> float | None:
    values = (numbers[name] for name in names if isinstance(numbers.get(name), int | float))
    return next(values, None)


def _detail(numbers: Mapping[str, Any]) -> str:
    shown = [
        f"{key} {value:.4g}" if isinstance(value, float) else f"{key} {value}"
        for key, value in numbers.items()
        if key not in (*_DONE, *_TOTAL) and isinstance(value, int | float | str) and value != ""
    ]
    return " · ".join(shown[:3])
