"""The root of the ``clitron`` command: its list of commands, and how errors are shown.

An error that a user can mend is one sentence on stderr and exit code 1; wrong usage is 2, an
interrupt 130. ``CLITRON_DEBUG=1`` shows the traceback behind it.
"""

from __future__ import annotations

import contextlib
import errno
import importlib
import io
import os
import sys
import traceback
from collections.abc import Sequence
from typing import Any

import click

from clitron_dagster import __version__
from clitron_dagster.errors import ClitronError

PROGRAM = "clitron"
SECTIONS = {
    "Make a model": {
        "schema": "Import the schema of a CLI from its help, check it, show it.",
        "cost": "What examples from a language model would cost: requests, tokens, money.",
        "train": "Make everything from a schema to a tested model; reuse what is up to date.",
        "demo": "Train git with the quick profile, ask five requests, show the scores.",
    },
    "Use it": {
        "ask": "Turn one request into a command, explain it, run it if you say so.",
        "chat": "Ask again and again; correct, run and keep what is right.",
        "feedback": "Tell what a request should have given; the next training learns it.",
        "shell-init": "A key in bash, zsh or fish that puts the command into the line.",
        "predict": "Answer a file of requests, JSON line by JSON line.",
        "serve": "Answer requests over HTTP, on this machine; OpenAI's clients can ask too.",
    },
    "Look around": {
        "schemas": "List the CLIs that have a schema, with what is wrong with any.",
        "status": "Show what is fresh, what is stale and why.",
        "gc": "Show what can be deleted from the store, and delete it with --yes.",
    },
}
_COMMANDS = {name: words for section in SECTIONS.values() for name, words in section.items()}


class Root(click.Group):
    """A group that imports a subcommand when it is called for, and speaks plainly of errors."""

    def list_commands(self, ctx: click.Context) -> list[str]:
        return list(_COMMANDS)

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        if cmd_name not in _COMMANDS:
            return None
        name = cmd_name.replace("-", "_")
        module = importlib.import_module(f"clitron_dagster.cli.{name}")
        command: click.Command = getattr(module, name)
        return command

    def format_commands(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        for title, commands in SECTIONS.items():
            with formatter.section(title):
                formatter.write_dl(list(commands.items()))

    def main(self, args: Sequence[str] | None = None, *rest: Any, **options: Any) -> Any:
        words = list(sys.argv[1:] if args is None else args)
        for stream in (sys.stdout, sys.stderr):
            if isinstance(stream, io.TextIOWrapper):
                stream.reconfigure(errors="replace")
        for position, word in enumerate(words, 1):
            if not _is_text(word):
                shown = word.encode("utf-8", "surrogateescape").decode("utf-8", "backslashreplace")
                complain(f"argument {position} is not UTF-8 ({shown}); write it in UTF-8")
                sys.exit(1)
        options.setdefault("prog_name", PROGRAM)
        return super().main(words, *rest, **options)

    def invoke(self, ctx: click.Context) -> Any:
        try:
            return super().invoke(ctx)
        except KeyboardInterrupt:
            complain("stopped; what was finished is kept")
            raise click.exceptions.Exit(130) from None
        except (click.exceptions.Exit, click.Abort, click.ClickException):
            raise
        except Exception as error:
            if isinstance(error, OSError) and error.errno == errno.EPIPE:
                raise
            _close_bar()
            if os.environ.get("CLITRON_DEBUG") == "1":
                traceback.print_exception(error)
            complain(explain(error))
            raise click.exceptions.Exit(1) from None


def explain(error: BaseException) -> str:
    """An error in words for a user."""
    if isinstance(error, ClitronError):
        return str(error)
    if isinstance(error, OSError) and error.strerror:
        place = f"{error.filename}: " if error.filename else ""
        return f"{place}{error.strerror.lower()}"
    said = " ".join(str(error).split())[:400]
    name = type(error).__name__
    return f"{name}: {said}; this was not foreseen, CLITRON_DEBUG=1 shows where it came from"


def complain(text: str) -> None:
    """One error, on stderr."""
    click.echo(click.style("error: ", fg="red") + text, err=True)


def _is_text(word: str) -> bool:
    """Whether an argument is UTF-8: the interpreter keeps other bytes as lone surrogates."""
    with contextlib.suppress(UnicodeEncodeError):
        word.encode()
        return True
    return False


def _close_bar() -> None:
    if "clitron_dagster.console" in sys.modules:
        sys.modules["clitron_dagster.console"].close()


@click.command(
    cls=Root,
    context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 100},
    epilog="Places, by environment: CLITRON_SCHEMAS (schemas/), CLITRON_STORE (store/, or an "
    "s3:// URL), CLITRON_PROFILE (quick), CLITRON_CACHE (base models), DAGSTER_HOME (history of "
    "runs for the UI). Each command has its own --help with examples.",
)
@click.version_option(__version__, prog_name=PROGRAM)
def clitron() -> None:
    """Train a small local model that turns plain English into commands of a CLI.

    \b
    clitron train git                    make the model of schemas/git.yaml
    clitron ask git "undo my last commit but keep the changes"
    clitron status                       what is fresh, what is stale and why

    A CLI is a file schemas/<cli>.yaml (docs/schema-format.md). What is made lies in
    store/<cli>/<asset>/<fingerprint>/, and the file `current` beside it names the one in use.
    """
