"""``clitron ask``: one request, answered by the current model, and run if the user wants it."""

from __future__ import annotations

import json
from pathlib import Path
from typing import TYPE_CHECKING

import click

from clitron_dagster.cli.common import make_settings

if TYPE_CHECKING:
    from clitron_dagster.quoting import Shell


@click.command()
@click.argument("cli", metavar="CLI")
@click.argument("request", metavar="REQUEST", nargs=-1, required=True)
@click.option(
    "--context",
    "context_text",
    default="auto",
    metavar="auto|none|FILE|JSON",
    help="What the request may refer to: read from this folder (auto), nothing, or a JSON object.",
)
@click.option("--run", is_flag=True, help="Offer to run it however unsure the model is.")
@click.option("--yes", is_flag=True, help="Run it without a question; never a destructive command.")
@click.option(
    "--print", "bare", is_flag=True, help="Print the bare command alone, for scripts; run nothing."
)
@click.option(
    "--shell",
    type=click.Choice(["bash", "zsh", "fish"]),
    default="bash",
    help="Whose quoting --print writes; bash (the default) is right for any POSIX shell.",
)
@click.option(
    "--json", "as_json", is_flag=True, help="Print the answer as a JSON object; run nothing."
)
@click.option(
    "--model", type=click.Path(path_type=Path), metavar="FILE.gguf", help="Another model file."
)
@click.option("--quant", metavar="Q", help="Another quant of the model; default the recommended.")
@click.pass_context
def ask(
    ctx: click.Context,
    cli: str,
    request: tuple[str, ...],
    context_text: str,
    run: bool,
    yes: bool,
    bare: bool,
    shell: Shell,
    as_json: bool,
    model: Path | None,
    quant: str | None,
) -> None:
    """Turn REQUEST into a command of CLI, explain it, and run it if you say so.

    \b
    clitron ask git "undo my last commit but keep the changes"
    clitron ask gh "merge this" --context '{"git": {"current_pr": 42}}'
    clitron ask git "push it" --context none --json
    clitron ask git "what changed since yesterday" --yes
    line=$(clitron ask git "who wrote app.py" --print) && echo "$line"

    The first line is the command, ready for a shell; below it what each option does, what the
    command changes, and how sure the model is. When the request can be read in several ways, it
    asks back instead.

    \b
    What comes then, at a terminal, by how sure the model is (0 to 1):
      from 0.9      asks whether to run it; Enter is yes
      0.7 to 0.9    asks whether to run it; Enter is no
      0.5 to 0.7    runs nothing, shows what else may be meant
      below 0.5     runs nothing, and says that it is a guess

    A command that can destroy work, or that runs a command given in it, is run only after a yes
    typed at a terminal, whatever the options say. Without a terminal nothing is run, unless --yes
    is given. Commands are run in this folder, without a shell.

    \b
    Exit code: that of the command if it was run; else 0, or
      1  an error    2  wrong usage    3  it should have been run or printed, but was not
      4  --run, --yes or --print was given, but the answer is a question
    """  # fmt: skip
    if (bare or as_json) and (run or yes):
        raise click.UsageError("--print and --json run nothing; leave out --run and --yes")
    if bare and as_json:
        raise click.UsageError("give --print or --json, not both")
    from clitron_dagster import prompt
    from clitron_dagster.cli.context import read_context
    from clitron_dagster.cli.execute import act, print_bare
    from clitron_dagster.cli.model import Model, find_model
    from clitron_dagster.cli.show import show

    settings = make_settings()
    schema = settings.load(cli)
    text = " ".join(request)
    context = read_context(context_text, schema)
    prompt.messages(schema, text, context)  # refused before a model is loaded
    with Model(schema, find_model(settings, cli, model, quant)) as loaded:
        row = loaded.ask(text, context)
        for warning in loaded.warnings:
            click.echo(f"warning: {warning}", err=True)
    if as_json:
        click.echo(json.dumps(row, ensure_ascii=False))
    elif bare:
        ctx.exit(print_bare(row, shell))
    else:
        show(schema, row)
        ctx.exit(act(schema, row, run=run, yes=yes))
