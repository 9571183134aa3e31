"""Run the command of an answer, or print it: after the rules of ``decide.py``, never by a shell."""

from __future__ import annotations

import json
import shutil
import subprocess
import sys
from typing import TYPE_CHECKING, Any

import click

from clitron_dagster.cli.common import visible
from clitron_dagster.errors import ClitronError

if TYPE_CHECKING:
    from clitron_dagster.quoting import Shell
    from clitron_dagster.schema import Schema

NOT_RUN = 3  # exit codes, beside those of the program that is run
IS_QUESTION = 4
INTERRUPTED = 130


class NoProgramError(ClitronError):
    """The program of a command cannot be started."""


def on_terminal() -> bool:
    """Whether a person sees what is printed and can answer."""
    return sys.stdin.isatty() and sys.stdout.isatty()


def act(schema: Schema, row: dict[str, Any], *, run: bool = False, yes: bool = False) -> int:
    """Run the command of an answered row that was shown, as the rules and the user want.

    Returns:
        An exit code: the program's where it was run.

    Raises:
        NoProgramError: it should be run, but cannot be started.
    """
    from clitron_dagster.decide import decide, effect_of

    argv = row.get("argv")
    if not argv:  # a question: there is nothing to run
        return IS_QUESTION if run or yes else 0
    answer = row["response"]
    effect = effect_of(schema.unit(answer["command"], answer["subcommand"]), answer)
    decision = decide(row.get("confidence"), effect, terminal=on_terminal(), run=run, yes=yes)
    if decision.action == "show":
        return 0
    if decision.action == "refuse":
        click.echo(f"not run: {decision.why}", err=True)
        return NOT_RUN
    if decision.action == "question":
        words = "This can lose work for good. Run it?" if effect == "destructive" else "Run it?"
        if not click.confirm(words, default=decision.default):
            if run or yes:
                return NOT_RUN
            say_how_to_correct(schema.cli_name, row)
            return 0
    return run_argv(argv)


def say_how_to_correct(cli: str, row: dict[str, Any]) -> None:
    """With the context of the request: without it, another prompt would be taught."""
    from clitron_dagster.quoting import quote_line

    request = " ".join(str(row.get("nl", "")).split())
    context = row.get("context")
    given = ["--context", json.dumps(context, ensure_ascii=False)] if context else []
    start = quote_line(["clitron", "feedback", "add", cli, request, *given])
    click.secho(visible(f"If it is wrong, say what is right: {start} -- {cli} …"), dim=True)


def run_argv(argv: list[str]) -> int:
    """Run a program in the current folder, its items as they are; returns its exit code.

    Raises:
        NoProgramError: there is no such program, or it cannot be started.
    """
    program = shutil.which(argv[0])
    if program is None:
        raise NoProgramError(f"`{argv[0]}` is not installed here: no such program on the PATH")
    sys.stdout.flush()
    try:
        code = subprocess.run(argv, executable=program, check=False).returncode
    except KeyboardInterrupt:  # which the program has got as well
        return INTERRUPTED
    except (OSError, ValueError) as error:
        said = getattr(error, "strerror", None) or str(error)
        raise NoProgramError(f"`{argv[0]}` cannot be started: {said.lower()}") from None
    return code if code >= 0 else 128 - code  # as shells tell of a signal


def print_bare(row: dict[str, Any], shell: Shell) -> int:
    """The command alone on stdout; a question, or what a line cannot safely hold, on stderr."""
    from clitron_dagster.quoting import hidden, quote_line

    argv = row.get("argv")
    if not argv:
        answer = row["response"]
        click.echo(visible(str(answer.get("message") or "there is no command for this")), err=True)
        return IS_QUESTION
    line = quote_line(argv, shell)
    unseen = hidden(line)
    if unseen is not None:
        click.echo(f"not printed: the command holds the character {unseen}", err=True)
        return NOT_RUN
    click.echo(line)
    return 0
