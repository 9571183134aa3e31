"""An answer for a person: the command, what each part does, what it changes, how sure it is."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

from clitron_dagster.cli.common import visible

if TYPE_CHECKING:
    from rich.console import Console

    from clitron_dagster.schema import Schema, Unit

EFFECT_WORDS = {
    "read": ("only reads", "green"),
    "write": ("changes things", "yellow"),
    "destructive": ("DESTRUCTIVE: can lose work that cannot be brought back", "bold red"),
}
DOUBTS = {
    "suggest": "it may not be what you meant",
    "ask": "this is hardly more than a guess: what exactly do you want to do?",
}


def show(schema: Schema, row: dict[str, Any]) -> None:
    """Print an answered row for a person."""
    from rich.text import Text

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
        show_command(schema, answer, row["argv"])
        unit = schema.unit(answer["command"], answer["subcommand"])
        if unit:
            _doubt(screen, schema, row, unit)
    else:
        text = visible(json.dumps(answer, ensure_ascii=False))
        screen.print(f"the model's answer is no {schema.cli_name} command: {text}")
    numbers = [] if confidence is None else [f"confidence {confidence:.2f}"]
    if row.get("latency_ms") is not None:
        numbers.append(f"{row['latency_ms']:.0f} ms")
    screen.print(f"  {' · '.join(numbers)}", style="dim")


def show_command(schema: Schema, answer: dict[str, Any], argv: list[str]) -> None:
    """The line, what each part of it does, and what the whole changes."""
    from rich.text import Text

    from clitron_dagster.cli.results import out
    from clitron_dagster.decide import carries_command
    from clitron_dagster.explain import explain
    from clitron_dagster.quoting import quote_line

    screen = out()
    screen.print(Text(visible(quote_line(argv)), "bold"))
    for left, meaning in explain(schema, answer):
        screen.print(f"  {visible(left)}  – {visible(meaning)}")
    unit = schema.unit(answer["command"], answer["subcommand"])
    if unit:
        words, style = EFFECT_WORDS[unit.effect_with(answer["args"], answer["flags"])]
        screen.print(f"  {words}", style=style)
        if carries_command(unit, answer):
            screen.print("  RUNS A COMMAND that stands in it", style="bold red")


def _doubt(screen: Console, schema: Schema, row: dict[str, Any], unit: Unit) -> None:
    """Below the confidence at which a command is offered: say so, and what else may be meant."""
    from clitron_dagster.decide import band
    from clitron_dagster.nearby import nearby

    words = DOUBTS.get(band(row.get("confidence")))
    if words is None:
        return
    others = nearby(schema, str(row.get("nl", "")), but=unit)
    screen.print(f"  not sure: {words}{'; or one of these?' if others else ''}", style="yellow")
    for other in others:
        name = f"{schema.cli_name} {other.key}"
        screen.print(f"    {visible(name)}  – {visible(other.node.description)}")
