"""``clitron status``: every asset's state by the store's manifests, with named reasons."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import click

from clitron_dagster.cli.common import age, make_settings, overrides, run_options, size

if TYPE_CHECKING:
    from clitron_dagster.settings import Settings
    from clitron_dagster.staleness import AssetStatus

REASONS_SHOWN = 4
_STYLES = {"fresh": "green", "stale": "yellow", "missing": "red"}


@click.command()
@click.argument("cli", metavar="[CLI]", required=False)
@run_options
@click.option("--json", "as_json", is_flag=True, help="Print JSON instead of a table.")
def status(
    cli: str | None,
    num: int | None,
    quants: tuple[str, ...],
    profile: str | None,
    base_model: str | None,
    seed: int | None,
    assignments: tuple[tuple[str, Any], ...],
    as_json: bool,
) -> None:
    """Show what is fresh, what is stale and why, before anything runs.

    \b
    clitron status                       every CLI
    clitron status git
    clitron status git --profile full    what `clitron train git --profile full` would do

    A stale asset that says "reuse" stands in the store already, from an earlier run with the same
    settings, so that a run costs milliseconds.
    """
    settings = make_settings(profile, overrides(num, quants, base_model, seed, assignments))
    if cli is not None:
        rows = [{"cli": cli, "error": None, "assets": assets(settings, cli)}]
    else:
        rows = [_row(settings, name) for name in settings.cli_names()]
    if as_json:
        click.echo(json.dumps(rows, indent=1, ensure_ascii=False))
    elif not rows:
        click.echo(f"no schemas in {settings.schemas_dir}; add <cli>.yaml (docs/schema-format.md)")
    else:
        _print(rows)


def _row(settings: Settings, cli: str) -> dict[str, Any]:
    """One CLI; a schema that cannot be used is a row with its error."""
    from clitron_dagster.errors import ClitronError

    try:
        return {"cli": cli, "error": None, "assets": assets(settings, cli)}
    except ClitronError as error:
        return {"cli": cli, "error": str(error), "assets": []}


def assets(settings: Settings, cli: str) -> list[dict[str, Any]]:
    """State of each asset of a CLI, JSON-able.

    Raises:
        ClitronError: the schema or a setting is not sound.
    """
    from clitron_dagster.staleness import plan

    return [_asset(status) for status in plan(settings, cli)]


def _asset(status: AssetStatus) -> dict[str, Any]:
    from clitron_dagster.cli.scores import headline

    row: dict[str, Any] = {
        "asset": status.asset,
        "state": status.state,
        "reasons": list(status.reasons),
        "reusable": status.reusable,
        "ended": None,
        "seconds": None,
        "bytes": None,
        "headline": None,
        "path": None,
    }
    if status.artifact:
        manifest = status.artifact.manifest
        row |= {
            "ended": manifest.ended,
            "seconds": manifest.seconds,
            "bytes": sum(entry.size for entry in manifest.files.values()),
            "headline": headline(manifest.asset, manifest.metrics),
            "path": str(status.artifact.location),
        }
    return row


def _print(rows: list[dict[str, Any]]) -> None:
    from rich.table import Table
    from rich.text import Text

    from clitron_dagster.cli.results import out

    table = Table(box=None, pad_edge=False, header_style="bold")
    for heading in ("CLI", "asset", "state", "age", "size", "result", "why"):
        right, wraps = heading in ("age", "size"), heading in ("why", "result")
        table.add_column(
            heading, justify="right" if right else "left", overflow="fold", no_wrap=not wraps
        )
    for row in rows:
        if row["error"]:
            table.add_row(row["cli"], "", Text("broken", "red"), "", "", "", row["error"])
        for number, asset in enumerate(row["assets"]):
            state = asset["state"]
            label = "reuse" if state != "fresh" and asset["reusable"] else state
            table.add_row(
                row["cli"] if number == 0 else "",
                asset["asset"],
                Text(state if label == state else f"{state}, {label}", _STYLES[state]),
                age(asset["ended"]) if asset["ended"] else "",
                size(asset["bytes"]) if asset["bytes"] is not None else "",
                asset["headline"] or "",
                _why(asset["reasons"]),
            )
    out().print(table)


def _why(reasons: list[str]) -> str:
    """Reasons on one line; inputs are named together."""
    inputs = [reason.removeprefix("input ") for reason in reasons if reason.startswith("input ")]
    reasons = [reason for reason in reasons if not reason.startswith("input ")]
    reasons += [f"input {', '.join(inputs)}"] if inputs else []
    more = len(reasons) - REASONS_SHOWN
    shown = "; ".join(reasons[:REASONS_SHOWN])
    return f"{shown}; and {more} more" if more > 0 else shown
