"""What a run made: a table of its stages, the paths, and the scores."""

from __future__ import annotations

import os
from collections.abc import Sequence
from typing import TYPE_CHECKING

from clitron_dagster.cli.common import size
from clitron_dagster.console import StageRun, duration

if TYPE_CHECKING:
    from rich.console import Console

    from clitron_dagster.settings import Settings
    from clitron_dagster.stages import Stage

PIPE_WIDTH = 160  # columns of a table that goes to a file or pipe


def out() -> Console:
    """Rich on stdout, taking text as it is; wide where no terminal says how wide."""
    from rich.console import Console

    console = Console(highlight=False, markup=False, soft_wrap=True)
    if not console.is_terminal and "COLUMNS" not in os.environ:
        console.width = PIPE_WIDTH
    return console


def show_results(
    settings: Settings, cli: str, stages: Sequence[Stage], runs: list[StageRun], seconds: float
) -> None:
    """Print the end of a run."""
    from rich.table import Table

    done = {run.stage: run for run in runs}
    table = Table(box=None, pad_edge=False, header_style="bold")
    table.add_column("stage")
    table.add_column("state")
    table.add_column("time", justify="right")
    for stage in stages:
        run = done.get(stage.name)
        state = "not run" if run is None else "reused" if run.reused else "computed"
        table.add_row(stage.name, state, duration(run.seconds) if run else "")
    screen = out()
    screen.print(table)
    computed = sum(not run.reused for run in runs)
    words = f"{computed} computed" if computed else "nothing to compute"
    screen.print(f"{cli}: {words}, {duration(seconds)}\n")
    made = {stage.name for stage in stages}
    if "gguf_model" in made:  # else what stands is of another run
        show_paths(settings, cli)
    else:
        last = settings.store.current(cli, stages[-1].name)
        screen.print(f"{stages[-1].name} {last.location if last else ''}")
    if "eval_report" in made:
        show_scores(settings, cli)


def show_paths(settings: Settings, cli: str) -> None:
    """Where the GGUF files and the report lie."""
    for label, file, note in paths(settings, cli):
        out().print(f"{label:<7} {file}{f'  ({note})' if note else ''}")


def paths(settings: Settings, cli: str) -> list[tuple[str, str, str]]:
    """(label, path, note) of what a user would open."""
    from clitron_dagster.cli.model import recommended_quant

    found = []
    model = settings.store.current(cli, "gguf_model")
    if model:
        best = recommended_quant(settings, cli)
        for name, entry in sorted(model.manifest.files.items()):
            if name.endswith(".gguf"):
                chosen = ", recommended" if best and name.endswith(f"-{best}.gguf") else ""
                found.append(("GGUF", str(model.location / name), f"{size(entry.size)}{chosen}"))
    report = settings.store.current(cli, "eval_report")
    if report and "report.html" in report.manifest.files:
        found.append(("report", str(report.location / "report.html"), ""))
    return found


def show_scores(settings: Settings, cli: str) -> None:
    """The headline numbers of the report that stands, if there is one."""
    from clitron_dagster.cli.scores import HEADINGS, tables

    report = settings.store.current(cli, "eval_report")
    if report is None:
        return
    from rich.table import Table

    screen = out()
    for words, rows in tables(report):
        table = Table(box=None, pad_edge=False, header_style="bold")
        for heading in HEADINGS:
            table.add_column(heading, justify="right" if heading else "left", no_wrap=True)
        for cells in rows:
            table.add_row(*cells)
        screen.print(f"\n{words}", style="bold")
        screen.print(table)
