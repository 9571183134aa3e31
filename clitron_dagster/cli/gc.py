"""``clitron gc``: what can be deleted from the store, and deleting it."""

from __future__ import annotations

import json

import click

from clitron_dagster.cli.common import age, make_settings, size


@click.command()
@click.argument("cli", metavar="[CLI]", required=False)
@click.option("--yes", is_flag=True, help="Delete; without it nothing is touched.")
@click.option(
    "--keep",
    type=click.IntRange(min=0),
    default=1,
    show_default=True,
    metavar="N",
    help="Newest artifacts of each asset to keep beside the current and the best.",
)
@click.option("--json", "as_json", is_flag=True, help="Print JSON instead of a table.")
def gc(cli: str | None, yes: bool, keep: int, as_json: bool) -> None:
    """Show what can be deleted from the store; delete it with --yes.

    \b
    clitron gc                 show it
    clitron gc git --yes       delete what is shown for git
    clitron gc --keep 3

    Kept are, for each asset: what `current` names, what the best model (by exact match on requests
    that people wrote) was made from, the N newest, and unfinished work that the next `clitron
    train` goes on from. Where a run is under way, its CLI is left alone.
    """  # fmt: skip
    from clitron_dagster.gc import busy, collect, free

    settings = make_settings()
    found = collect(settings, cli, keep)
    total = sum(item.size for item in found)
    result = free(settings.store, found) if yes else None
    runs = busy(settings.store, cli)
    if as_json:
        rows = [
            {**item.as_dict(), "deleted": item in result.freed if result else False}
            for item in found
        ]
        whole = {"bytes": total, "freed_bytes": result.bytes if result else 0, "items": rows}
        click.echo(json.dumps({**whole, "running": runs}, indent=1, ensure_ascii=False))
        return
    for name, assets in runs.items():
        click.echo(f"{name} is being made ({', '.join(assets)}), so it is left alone", err=True)
    if not found:
        click.echo("nothing to delete")
        return
    from rich.table import Table

    from clitron_dagster.cli.results import out

    table = Table(box=None, pad_edge=False, header_style="bold")
    for heading in ("CLI", "asset", "what", "age", "size", "why"):
        table.add_column(heading, justify="right" if heading in ("age", "size") else "left")
    for item in found:
        when = age(item.ended) if item.ended else ""
        table.add_row(item.cli, item.asset, item.name, when, size(item.size), item.why)
    out().print(table)
    if result is None:
        click.echo(f"{size(total)} can be freed; `clitron gc --yes` deletes the above")
        return
    click.echo(f"{size(result.bytes)} freed")
    for words in result.left:
        click.echo(words, err=True)
