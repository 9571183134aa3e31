"""``clitron schemas``: the CLIs that have a schema file, and what is wrong with any."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import click

from clitron_dagster.cli.common import make_settings

if TYPE_CHECKING:
    from clitron_dagster.settings import Settings


@click.command()
@click.option("--json", "as_json", is_flag=True, help="Print JSON instead of a table.")
def schemas(as_json: bool) -> None:
    """List the CLIs that have a schema: what they hold, their profile and hash, and any fault.

    \b
    clitron schemas
    clitron schemas --json

    A CLI is a file schemas/<cli>.yaml (docs/schema-format.md). A broken file is shown with its
    fault and does not touch the others.
    """
    settings = make_settings()
    rows = [describe(settings, name) for name in settings.cli_names()]
    if as_json:
        click.echo(json.dumps(rows, indent=1, ensure_ascii=False))
        return
    if not rows:
        click.echo(f"no schemas in {settings.schemas_dir}; add <cli>.yaml (docs/schema-format.md)")
        return
    from rich.table import Table

    from clitron_dagster.cli.results import out

    table = Table(box=None, pad_edge=False, header_style="bold")
    for heading in ("CLI", "commands", "units", "profile", "hash", "notes"):
        numbers = heading in ("commands", "units")
        table.add_column(heading, justify="right" if numbers else "left", overflow="fold")
    for row in rows:
        shown = [str(row.get(key, "")) for key in ("commands", "units", "profile", "hash")]
        notes = row["error"] or "\n".join(row["warnings"]) or "ok"
        table.add_row(row["cli"], *shown, notes, style="red" if row["error"] else None)
    out().print(table)


def describe(settings: Settings, cli: str) -> dict[str, Any]:
    """One CLI's row; ``error`` is null for a sound schema."""
    from clitron_dagster.errors import ClitronError
    from clitron_dagster.schema import schema_warnings

    file = settings.schema_file(cli)
    try:
        schema = settings.load(cli)
        return {
            "cli": cli,
            "file": str(file),
            "description": schema.description,
            "commands": len(schema.commands),
            "units": len(schema.units),
            "profile": settings.profile_name(schema),
            "hash": schema.hash,
            "warnings": schema_warnings(file),
            "error": None,
        }
    except ClitronError as error:
        return {"cli": cli, "file": str(file), "warnings": [], "error": str(error)}
