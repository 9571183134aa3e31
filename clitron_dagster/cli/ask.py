"""``clitron ask``: one request, answered by the current model. Nothing is run."""

from __future__ import annotations

import json
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from clitron_dagster.cli.common import make_settings, visible
from clitron_dagster.errors import ClitronError

if TYPE_CHECKING:
    from clitron_dagster.schema import Schema

EFFECT_WORDS = {
    "read": ("only reads", "green"),
    "write": ("changes things", "yellow"),
    "destructive": ("DESTRUCTIVE: can lose work that cannot be brought back", "bold red"),
}
MAX_CONTEXT_BYTES = 1 << 20


class ContextError(ClitronError):
    """A --context that cannot be used."""


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
@click.option("--json", "as_json", is_flag=True, help="Print the answer as a JSON object.")
@click.option(
    "--model", type=click.Path(path_type=Path), metavar="FILE.gguf", help="Another model file."
)
@click.option("--quant", metavar="Q", help="Another quant of the model; default the recommended.")
def ask(
    cli: str,
    request: tuple[str, ...],
    context_text: str,
    as_json: bool,
    model: Path | None,
    quant: str | None,
) -> None:
    """Turn REQUEST into a command of CLI and explain it. Runs nothing.

    \b
    clitron ask git "undo my last commit but keep the changes"
    clitron ask gh "merge this" --context '{"git": {"current_pr": 42}}'
    clitron ask git "push it" --context none --json

    The first line is the command, ready for a shell; below it what each option does, what the
    command changes, and how sure the model is. When the request can be read in several ways, it
    asks back instead.
    """  # fmt: skip
    from clitron_dagster import prompt
    from clitron_dagster.cli.model import Model, find_model

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
    else:
        show(schema, row)


def read_context(text: str, schema: Schema) -> dict[str, Any] | None:
    """The context that ``--context`` names.

    Raises:
        ContextError: no such file, not UTF-8, not JSON, or not an object.
    """
    word = text.strip()
    if word in ("none", "null"):
        return None
    if word == "auto":
        from clitron_dagster.git_context import git_context

        return git_context(Path.cwd(), schema.context) or None
    place = "--context"
    if not word.startswith(("{", "[", '"')):
        place, word = f"context file {text}", _read(Path(text).expanduser(), text)
    try:
        value = json.loads(word)
    except (ValueError, RecursionError) as error:
        said = getattr(error, "msg", str(error)).lower()
        remedy = f"write an object such as {_EXAMPLE}"
        raise ContextError(f"{place} is not JSON ({said}); {remedy}") from None
    if value is not None and not isinstance(value, dict):
        kind = _KINDS[type(value)]
        raise ContextError(f"{place} is a JSON {kind}, not an object such as {_EXAMPLE}")
    return value


_EXAMPLE = '{"git": {"current_branch": "main"}}'
_KINDS = {list: "list", str: "string", int: "number", float: "number", bool: "boolean"}


def _read(file: Path, text: str) -> str:
    try:
        if file.stat().st_size > MAX_CONTEXT_BYTES:
            raise ContextError(f"context file {text} is larger than 1 MiB; keep what matters")
        return file.read_text(encoding="utf-8-sig")
    except UnicodeDecodeError as error:
        raise ContextError(
            f"context file {text} is not UTF-8 (byte {error.start}); save it as UTF-8"
        ) from None
    except FileNotFoundError:
        raise ContextError(
            f"--context {text}: there is no such file; give auto, none, a file, or a JSON object "
            f"such as {_EXAMPLE}"
        ) from None
    except (OSError, ValueError) as error:
        said = getattr(error, "strerror", None) or str(error)
        raise ContextError(f"context file {text} cannot be read: {said.lower()}") from None


def show(schema: Schema, row: dict[str, Any]) -> None:
    """Print an answered row for a person."""
    from rich.text import Text

    from clitron_dagster.argv import to_shell
    from clitron_dagster.cli.results import out

    screen = out()
    answer, confidence = row["response"], row.get("confidence")
    if answer.get("type") == "clarification":
        screen.print(Text(visible(str(answer.get("message", ""))), "bold"))
        for item in answer.get("suggestions") or []:
            path = [schema.cli_name, item.get("command"), item.get("subcommand")]
            name = " ".join(str(word) for word in path if word)
            screen.print(f"  {visible(name)}  – {visible(str(item.get('label', '')))}")
    elif row.get("argv"):
        screen.print(Text(visible(to_shell(row["argv"])), "bold"))
        for left, meaning in explain(schema, answer):
            screen.print(f"  {visible(left)}  – {visible(meaning)}")
        unit = schema.unit(answer["command"], answer["subcommand"])
        if unit:
            words, style = EFFECT_WORDS[unit.effect_with(answer["flags"])]
            screen.print(f"  {words}", style=style)
    else:
        text = visible(json.dumps(answer, ensure_ascii=False))
        screen.print(f"the model's answer is no {schema.cli_name} command: {text}")
    numbers = [] if confidence is None else [f"confidence {confidence:.2f}"]
    if row.get("latency_ms") is not None:
        numbers.append(f"{row['latency_ms']:.0f} ms")
    screen.print(f"  {' · '.join(numbers)}", style="dim")


def explain(schema: Schema, answer: dict[str, Any]) -> list[tuple[str, str]]:
    """(what is written, what it does) for the command and each option of a legal answer."""
    unit = schema.unit(answer["command"], answer["subcommand"])
    if unit is None:
        return []
    lines = [(unit.key, unit.node.description or "no description in the schema")]
    for name, value in answer["args"].items():
        arg = unit.arg(name)
        shown = ", ".join(str(v) for v in value) if isinstance(value, list) else str(value)
        dashed = name if arg and arg.positional else f"{'-' if len(name) == 1 else '--'}{name}"
        lines.append((f"{dashed} {shown}", (arg.description if arg else "") or name))
    for name in answer["flags"]:
        flag = unit.flag(name)
        dashed = f"{'-' if len(name) == 1 else '--'}{name}"
        lines.append((dashed, (flag.description if flag else "") or name))
    return lines
