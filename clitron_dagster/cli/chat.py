"""``clitron chat``: one loaded model, many requests, and corrections that can be kept."""

from __future__ import annotations

import contextlib
import shlex
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from clitron_dagster.cli.common import make_settings, visible
from clitron_dagster.errors import ClitronError

if TYPE_CHECKING:
    from clitron_dagster.cli.model import Model
    from clitron_dagster.schema import Schema
    from clitron_dagster.store import Store

HELP = """\
Type what you want in your own words. About the last answer:
  /run              run it (what can destroy work is asked about first)
  /fix COMMAND      say which command is right, such as: /fix {cli} --help
  /fix              the same; the command is asked for
  /ask QUESTION     say that the right answer is this question
  /help  /quit      this text; leave (Ctrl-D does too)"""


@click.command()
@click.argument("cli", metavar="CLI")
@click.option(
    "--context",
    "context_text",
    default="auto",
    metavar="auto|none|FILE|JSON",
    help="What requests may refer to, read anew for each; as for `clitron ask`.",
)
@click.option(
    "--model", type=click.Path(path_type=Path), metavar="FILE.gguf", help="Another model file."
)
@click.option("--quant", metavar="Q", help="Another quant of the model; default the recommended.")
def chat(cli: str, context_text: str, model: Path | None, quant: str | None) -> None:
    """Ask for commands of CLI again and again; run them, correct them, keep the corrections.

    \b
    clitron chat git
    git> undo my last commit
    git> /fix git reset --soft HEAD~1
    git> /run
    git> /quit

    The model is loaded once. It answers each request by itself and does not remember those before.
    A correction is offered to be kept as feedback (see `clitron feedback`), which the next training
    learns. Nothing is run but by /run.
    """  # fmt: skip
    from clitron_dagster.cli.context import read_context
    from clitron_dagster.cli.model import Model, find_model

    settings = make_settings()
    schema = settings.load(cli)
    read_context(context_text, schema)  # refused before a model is loaded
    with Model(schema, find_model(settings, cli, model, quant)) as loaded:
        for warning in loaded.warnings:
            click.echo(f"warning: {warning}", err=True)
        click.echo(f"What should {cli} do? /help shows what else there is, /quit leaves.")
        with contextlib.suppress(ImportError):
            import readline  # noqa: F401  # gives the prompt a history and arrow keys
        Session(settings.store, schema, loaded, context_text).loop()


class Session:
    """The last request with its answer, which the commands are about."""

    def __init__(self, store: Store, schema: Schema, model: Model, context: str) -> None:
        self.store, self.schema, self.model, self.context = store, schema, model, context
        self.row: dict[str, Any] | None = None

    def loop(self) -> None:
        while True:
            try:
                line = self._read(self.schema.cli_name)
            except click.Abort:
                click.echo()
                return
            try:
                if line in ("/quit", "/exit", "/q"):
                    return
                self._take(line)
            except ClitronError as error:
                click.echo(visible(str(error)), err=True)
            except click.Abort:  # Ctrl-C or Ctrl-D at a question: back to the prompt
                click.echo()

    def _take(self, line: str) -> None:
        word, _, rest = line.partition(" ")
        if not line:
            return
        if not line.startswith("/"):
            self._answer(line)
        elif word == "/help":
            click.echo(HELP.format(cli=self.schema.cli_name))
        elif word == "/run":
            self._run()
        elif word == "/fix":
            self._fix(rest.strip() or self._read(f"right is: {self.schema.cli_name}", " "))
        elif word == "/ask":
            self._keep(ask=rest.strip() or self._read("right is to ask", ": "))
        else:
            raise ClitronError(f"there is no {word}; /help shows what there is")

    def _answer(self, request: str) -> None:
        from clitron_dagster.cli.context import read_context
        from clitron_dagster.cli.show import show

        self.row = None
        self.row = self.model.ask(request, read_context(self.context, self.schema))
        show(self.schema, self.row)

    def _run(self) -> None:
        from clitron_dagster.cli.execute import NOT_RUN, act

        row = self._last()
        if not row["argv"]:
            raise ClitronError("the last answer is a question; there is nothing to run")
        code = act(self.schema, row, run=True, yes=True)
        if code not in (0, NOT_RUN):
            click.echo(f"exit code {code}", err=True)

    def _fix(self, line: str) -> None:
        """Take a command line for the right answer; it is then what /run runs."""
        from clitron_dagster.argv import from_argv
        from clitron_dagster.cli.show import show_command
        from clitron_dagster.validate.feedback import checked

        row = self._last()
        try:
            words = shlex.split(line)
        except ValueError as error:
            raise ClitronError(f"{line}: {str(error).lower()}") from None
        item = checked(self.schema, row["nl"], row["context"], argv=words)
        assert item.argv is not None
        answer = from_argv(self.schema, item.argv)
        self.row = {**row, "response": answer, "argv": item.argv, "confidence": 1.0}
        show_command(self.schema, answer, item.argv)
        self._keep(argv=item.argv)

    def _keep(self, argv: list[str] | None = None, ask: str | None = None) -> None:
        from clitron_dagster.validate.feedback import add_feedback, checked

        row = self._last()
        checked(self.schema, row["nl"], row["context"], argv=argv, ask=ask)
        if click.confirm("Keep it as feedback, for the next training?", default=True):
            item, replaced = add_feedback(
                self.store, self.schema, row["nl"], row["context"], argv=argv, ask=ask
            )
            if replaced and replaced.answer != item.answer:
                click.echo(visible(f"in place of: {replaced.answer}"))
            click.echo(f"kept as {item.id}; `clitron train {self.schema.cli_name}` learns it")

    def _last(self) -> dict[str, Any]:
        if self.row is None:
            raise ClitronError("there is no answer yet; type what you want first")
        return self.row

    def _read(self, words: str, suffix: str = "> ") -> str:
        text: str = click.prompt(words, prompt_suffix=suffix, default="", show_default=False)
        return text.strip()
