"""``clitron feedback``: what requests should have been answered with, kept and trained on."""

from __future__ import annotations

import json
from dataclasses import asdict

import click

from clitron_dagster.cli.common import age, make_settings, visible


@click.group()
def feedback() -> None:
    """Tell what a request should have given; the next training learns it.

    \b
    clitron feedback add git "undo my last commit" -- git reset --soft HEAD~1
    clitron feedback add git "delete the branch" --ask "Which branch?"
    clitron feedback list git
    clitron feedback remove git 3f9c0a1b2d

    It lies in the store as <cli>/feedback.jsonl. What it says is trained on like the rows of
    schemas/<cli>.examples.jsonl, never tested on, and wins over generated rows; where it contradicts
    one of the author's rows it is left out, and the run says so. `clitron chat` keeps it as well.
    """


@feedback.command()
@click.argument("cli", metavar="CLI")
@click.argument("request", metavar="REQUEST")
@click.argument("argv", metavar="[-- COMMAND...]", nargs=-1)
@click.option("--ask", metavar="QUESTION", help="Right would have been to ask this back.")
@click.option(
    "--context",
    "context_text",
    default="none",
    metavar="auto|none|FILE|JSON",
    help="What the request refers to, as for `clitron ask`; here nothing by default.",
)
def add(cli: str, request: str, argv: tuple[str, ...], ask: str | None, context_text: str) -> None:
    """Keep the right answer to REQUEST: a command behind --, or a question by --ask.

    \b
    clitron feedback add git "undo my last commit" -- git reset --soft HEAD~1
    clitron feedback add git "delete the branch" --ask "Which branch?"
    clitron feedback add gh "merge this" --context '{"git": {"current_pr": 42}}' -- gh pr merge 42

    The command is checked against the schema. A request with the same context that is told again
    gets the new answer.
    """
    from clitron_dagster.cli.context import read_context
    from clitron_dagster.validate.feedback import add_feedback

    settings = make_settings()
    schema = settings.load(cli)
    context = read_context(context_text, schema)
    item, replaced = add_feedback(
        settings.store, schema, request, context, argv=list(argv) or None, ask=ask
    )
    click.echo(visible(f"{item.id}  {item.request} → {item.answer}"))
    if replaced and replaced.answer != item.answer:
        click.echo(visible(f"in place of: {replaced.answer}"), err=True)
    click.echo(f"kept; `clitron train {cli}` learns it", err=True)


@feedback.command("list")
@click.argument("cli", metavar="CLI")
@click.option("--json", "as_json", is_flag=True, help="Print JSON.")
def list_(cli: str, as_json: bool) -> None:
    """List what was told about CLI, oldest first.

    \b
    clitron feedback list git
    clitron feedback list git --json
    """
    from clitron_dagster.validate.feedback import feedback_file, read_feedback

    settings = make_settings()
    settings.load(cli)  # an unknown name is refused with what there is
    items = read_feedback(feedback_file(settings.store, cli))
    if as_json:
        click.echo(json.dumps([asdict(item) for item in items], indent=1, ensure_ascii=False))
        return
    for item in items:
        context = f"  ({json.dumps(item.context, ensure_ascii=False)})" if item.context else ""
        told = f"{item.id}  {age(item.added):>6}  {item.request} → {item.answer}{context}"
        click.echo(visible(told))
    if not items:
        click.echo(f"no feedback on {cli}; `clitron feedback add --help` shows how to give some")


@feedback.command()
@click.argument("cli", metavar="CLI")
@click.argument("ids", metavar="ID...", nargs=-1, required=True)
def remove(cli: str, ids: tuple[str, ...]) -> None:
    """Remove what was told, by the ID that `list` shows.

    \b
    clitron feedback remove git 3f9c0a1b2d
    """
    from clitron_dagster.validate.feedback import remove_feedback

    settings = make_settings()
    settings.load(cli)
    for id in ids:
        item = remove_feedback(settings.store, cli, id)
        click.echo(visible(f"removed: {item.request} → {item.answer}"))
