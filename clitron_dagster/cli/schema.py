"""``clitron schema``: import, check, compare and show the schema of a CLI."""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from clitron_dagster.cli.common import make_settings, visible
from clitron_dagster.cli.schema_report import as_dict, report, show_unit, tree
from clitron_dagster.errors import ClitronError

if TYPE_CHECKING:
    from clitron_dagster.schema_import.update import Imported, Update

_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9_.-]*")


@click.group()
def schema() -> None:
    """Import the schema of a CLI, check it, compare it with the CLI, show it.

    \b
    clitron schema import gh                       from `gh --help` and the pages below it
    clitron schema diff gh                         what an import would change
    clitron schema validate                        every schema, with line and remedy of each fault
    clitron schema show gh pr list

    A schema is the file schemas/<cli>.yaml (docs/schema-format.md).
    """


@schema.command("import")
@click.argument("name", metavar="NAME")
@click.option(
    "--from", "source", metavar="SOURCE",
    help="Where from; by default help, or the usage spec of the import before.",
)  # fmt: skip
@click.option(
    "--only", multiple=True, metavar="COMMAND", help="Only this command; may be repeated."
)
@click.option("--output", type=click.Path(dir_okay=False, path_type=Path), metavar="FILE",
              help="Write here instead of schemas/NAME.yaml; `-` prints it.")  # fmt: skip
@click.option("--dry-run", is_flag=True, help="Say what would change, write nothing.")
@click.option(
    "--overwrite", is_flag=True, help="Where nobody knows who changed it, believe the CLI."
)
@click.option("--timeout", type=click.FloatRange(min=0.1), default=10.0, show_default=True,
              metavar="SECONDS", help="Time for each help page.")  # fmt: skip
@click.option("--json", "as_json", is_flag=True, help="Print what changed as JSON.")
def import_(
    name: str,
    source: str | None,
    only: tuple[str, ...],
    output: Path | None,
    dry_run: bool,
    overwrite: bool,
    timeout: float,
    as_json: bool,
) -> None:
    """Make schemas/NAME.yaml from what the CLI says of itself, or bring it up to date.

    \b
    clitron schema import gh                                   the program's own help
    clitron schema import gh --only pr --only issue
    clitron schema import pip --from "help:python -m pip"
    clitron schema import mytool --from python:mytool.cli:app  click, typer or argparse (imports it)
    clitron schema import mise --from usage:mise.usage.kdl     a usage spec, KDL or JSON
    clitron schema import npm --from fig:node_modules/@withfig/autocomplete

    Run again, it takes over what the CLI changed and keeps what you added: phrases, examples,
    effects, kinds of value, context, comments. schemas/NAME.imported.json remembers what the CLI
    said, so that your changes can be told from its own; keep it with the schema. Without it an
    import only adds, and lists what differs. What ran help:PROGRAM, python: or fig: before must be
    named again with --from: a file that came with a schema does not decide what runs.
    Effects and kinds are guesses: read them over.

    The program is run with --help (-h, help) for each of its commands, in an empty folder and
    without input. Name only programs that you trust to take --help for what it is.
    """  # fmt: skip
    file, imported, update = _plan(name, source, only, overwrite, timeout, output)
    if output is not None and str(output) == "-":
        click.echo(update.text, nl=False)
        return
    if not as_json:
        report(imported, update)
    if not dry_run:
        from clitron_dagster.schema_import.update import save

        save(update)
    if as_json:
        click.echo(json.dumps(as_dict(imported, update), indent=1, ensure_ascii=False))
        return
    state = "would be " if dry_run else ""
    click.echo(f"{file} {state}{'written' if update.is_new else 'brought up to date'}")


@schema.command()
@click.argument("name", metavar="NAME")
@click.option("--from", "source", metavar="SOURCE", help="As for import.")
@click.option(
    "--only", multiple=True, metavar="COMMAND", help="Only this command; may be repeated."
)
@click.option("--overwrite", is_flag=True, help="As for import.")
@click.option("--timeout", type=click.FloatRange(min=0.1), default=10.0, show_default=True,
              metavar="SECONDS", help="Time for each help page.")  # fmt: skip
@click.option(
    "--exit-code", is_flag=True, help="Exit with 1 where an import would change anything."
)
@click.option("--json", "as_json", is_flag=True, help="Print JSON.")
def diff(
    name: str,
    source: str | None,
    only: tuple[str, ...],
    overwrite: bool,
    timeout: float,
    exit_code: bool,
    as_json: bool,
) -> None:
    """Show what an import would add, remove and change. Writes nothing.

    \b
    clitron schema diff gh
    clitron schema diff gh --only pr --exit-code       for CI: fails once gh has changed
    """
    _, imported, update = _plan(name, source, only, overwrite, timeout, None)
    if as_json:
        click.echo(json.dumps(as_dict(imported, update), indent=1, ensure_ascii=False))
    else:
        report(imported, update, shown=None)
    if exit_code and any(change.kind != "kept" for change in update.merged.changes):
        raise click.exceptions.Exit(1)


@schema.command()
@click.argument("names", metavar="[NAME|FILE]...", nargs=-1)
@click.option("--json", "as_json", is_flag=True, help="Print JSON.")
def validate(names: tuple[str, ...], as_json: bool) -> None:
    """Check schemas, all of them by default; exit with 1 if one is not sound.

    \b
    clitron schema validate
    clitron schema validate gh drafts/mytool.yaml
    """
    from clitron_dagster.schema import load_schema, schema_warnings

    settings = make_settings()
    rows: list[dict[str, Any]] = []
    for name in names or settings.cli_names():
        is_file = name.endswith((".yaml", ".yml")) or "/" in name
        file = Path(name) if is_file else settings.schema_file(name)
        row: dict[str, Any] = {"file": str(file), "units": 0, "warnings": [], "error": None}
        try:
            row["units"] = len(load_schema(file).units)
            row["warnings"] = schema_warnings(file)
        except ClitronError as error:
            row["error"] = str(error)
        rows.append(row)
    if as_json:
        click.echo(json.dumps(rows, indent=1, ensure_ascii=False))
    for row in () if as_json else rows:
        click.echo(visible(row["error"] or f"{row['file']}: ok, {row['units']} units"))
        for warning in row["warnings"]:
            click.echo(visible(f"{row['file']}: warning: {warning}"))
    if not rows and not as_json:
        click.echo(f"no schemas in {settings.schemas_dir}; `clitron schema import` makes one")
    if any(row["error"] for row in rows):
        raise click.exceptions.Exit(1)


@schema.command()
@click.argument("name", metavar="NAME")
@click.argument("words", metavar="[COMMAND]...", nargs=-1)
@click.option("--json", "as_json", is_flag=True, help="Print the unit or tree as JSON.")
def show(name: str, words: tuple[str, ...], as_json: bool) -> None:
    """Show the commands of a schema, or the args and flags of one of them.

    \b
    clitron schema show gh
    clitron schema show gh pr
    clitron schema show gh pr list
    """
    loaded = make_settings().load(name)
    nodes, node = loaded.commands, None
    for position, word in enumerate(words):
        node = next((one for one in nodes if word in (one.name, *one.aliases)), None)
        if node is None:
            there = " ".join((name, *words[:position]))
            raise ClitronError(
                f"`{there}` has no command `{word}`; `clitron schema show {there}` lists them"
            )
        nodes = node.subcommands
    if as_json:
        shown = node or loaded
        click.echo(
            json.dumps(
                shown.model_dump(mode="json", exclude_defaults=True), indent=1, ensure_ascii=False
            )
        )
    elif node is not None and not node.subcommands:
        unit = next(unit for unit in loaded.units if unit.node is node)
        show_unit(name, unit)
    else:
        click.echo(visible(f"{name}: {(node or loaded).description}"))
        for line in tree(nodes, 1):
            click.echo(visible(line))


def _plan(
    name: str,
    source: str | None,
    only: tuple[str, ...],
    overwrite: bool,
    timeout: float,
    output: Path | None,
) -> tuple[Path, Imported, Update]:
    from clitron_dagster.schema_import.update import collect, plan

    if not _NAME.fullmatch(name):
        raise ClitronError(f"`{name}` is not a CLI's name; use letters, digits, `-`, `_` and `.`")
    file = make_settings().schema_file(name)
    file = output if output is not None and str(output) != "-" else file
    imported = collect(source or _remembered(file), name, only=only, timeout=timeout)
    return file, imported, plan(file, imported, only=only, overwrite=overwrite)


def _remembered(file: Path) -> str:
    """The source of the import before, where it may be used unasked: the snapshot is a data file
    that may come from others, and must not decide what is run."""
    from clitron_dagster.schema_import.snapshot import (
        last_source,
        runs_what_it_names,
        snapshot_file,
    )

    source = last_source(file) or "help"
    if runs_what_it_names(source):
        raise ClitronError(
            f"{snapshot_file(file).name} says that the import before ran something: {source!r}; "
            "if you trust that, name it with --from"
        )
    return source
