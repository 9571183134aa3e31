"""What ``clitron schema`` prints: changes of an import, a tree of commands, the options of one."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import click

from clitron_dagster.cli.common import visible

if TYPE_CHECKING:
    from clitron_dagster.schema.model import Command, Unit
    from clitron_dagster.schema_import.update import Imported, Update

SHOWN = 12  # changes of one kind that are named; the others are counted
_MARKS = {"added": "+", "removed": "-", "changed": "~", "kept": "="}


def report(imported: Imported, update: Update, shown: int | None = SHOWN) -> None:
    """What an import found and changed, in a few lines."""
    for note in imported.notes:
        click.echo(visible(f"note: {note}"), err=True)
    if not update.layout_kept:
        click.echo("note: this takes writing the file anew, in another layout", err=True)
    for line, comment in update.lost_comments:
        click.echo(visible(f"note: the comment in line {line} would go: {comment}"), err=True)
    if imported.pages:
        click.echo(f"{imported.pages} pages in {imported.seconds:.1f} s")
    counts = []
    for kind, mark in _MARKS.items():
        changes = update.merged.of(kind)
        if not changes:
            continue
        words = "differ, left as they are" if kind == "kept" else kind
        counts.append(f"{len(changes)} {words}")
        if update.is_new:
            continue
        for change in changes[:shown]:
            click.echo(
                visible(f"{mark} {change.what}{f'  ({change.detail})' if change.detail else ''}")
            )
        if shown is not None and len(changes) > shown:
            click.echo(f"{mark} … and {len(changes) - shown} more; `clitron schema diff` lists all")
    click.echo(", ".join(counts) or "nothing to change")


def as_dict(imported: Imported, update: Update) -> dict[str, Any]:
    """The same for a program."""
    changes = [
        {"kind": change.kind, "what": change.what, "detail": change.detail}
        for change in update.merged.changes
    ]
    return {
        "file": str(update.file),
        "source": imported.source,
        "pages": imported.pages,
        "seconds": round(imported.seconds, 2),
        "notes": imported.notes,
        "layout_kept": update.layout_kept,
        "lost_comments": [comment for _, comment in update.lost_comments],
        "changes": changes,
    }


def tree(nodes: tuple[Command, ...], depth: int) -> list[str]:
    """A line for each command, indented by its depth."""
    lines = []
    for node in nodes:
        mark = "" if node.subcommands or node.effect == "write" else f"  [{node.effect}]"
        lines.append(f"{'  ' * depth}{node.name}  {node.description}{mark}")
        lines += tree(node.subcommands, depth + 1)
    return lines


def show_unit(name: str, unit: Unit) -> None:
    """A table of a unit's args and flags."""
    from rich.table import Table

    from clitron_dagster.cli.results import out

    screen = out()
    screen.print(visible(f"{name} {unit.key}  [{unit.node.effect}]  {unit.node.description}"))
    table = Table(box=None, pad_edge=False, header_style="bold")
    for heading in ("option", "type", "kind", "notes", "description"):
        table.add_column(heading, overflow="fold")
    for arg in unit.args:
        spelled = f"<{arg.name}>" if arg.positional else f"{_dashed(arg.name)}{_short(arg.short)}"
        kind = "|".join(arg.choices) if arg.type == "enum" else arg.type
        notes = [word for word in ("required", "repeatable", "separator") if getattr(arg, word)]
        notes += [f"default {arg.default}"] if arg.default is not None else []
        table.add_row(
            *map(visible, (spelled, kind, arg.semantic, ", ".join(notes), arg.description))
        )
    for flag in unit.flags:
        spelled = f"{_dashed(flag.name)}{_short(flag.short)}"
        table.add_row(*map(visible, (spelled, "flag", "", flag.effect or "", flag.description)))
    screen.print(table)


def _dashed(name: str) -> str:
    return f"-{name}" if len(name) == 1 else f"--{name}"


def _short(short: str | None) -> str:
    return f", -{short}" if short else ""
