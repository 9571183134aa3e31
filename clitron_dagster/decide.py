"""What to do with an answer: run it, ask first, only show it, or refuse. No terminal code here.

The thresholds of confidence stand here and nowhere else.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Literal

from clitron_dagster.schema.model import Effect, Unit

OFFER, CONFIRM, SUGGEST = 0.9, 0.7, 0.5

Band = Literal["offer", "confirm", "suggest", "ask"]
Action = Literal["run", "question", "show", "refuse"]


@dataclass(frozen=True)
class Decision:
    """``default`` is what Enter answers to a question; ``why`` says why nothing is run."""

    action: Action
    default: bool = False
    why: str = ""


def band(confidence: float | None) -> Band:
    """The band of a confidence (0 to 1); without one, or with one that is no number, the lowest."""
    value = 0.0 if confidence is None else confidence
    if value >= OFFER:
        return "offer"
    if value >= CONFIRM:
        return "confirm"
    return "suggest" if value >= SUGGEST else "ask"


def effect_of(unit: Unit | None, answer: dict[str, Any]) -> Effect:
    """What running a command answer can do, for :func:`decide`.

    One that the schema does not know counts as the worst, and so does one that is given another
    command to run (``git rebase --exec``): nobody can say what that one does.
    """
    if unit is None or carries_command(unit, answer):
        return "destructive"
    return unit.effect_with(answer["args"], answer["flags"])


def carries_command(unit: Unit, answer: dict[str, Any]) -> bool:
    """Whether a value of the answer is itself a command that the program will run."""
    return any(arg.semantic == "command" and arg.name in answer["args"] for arg in unit.args)


def decide(
    confidence: float | None,
    effect: Effect,
    *,
    terminal: bool,
    run: bool = False,
    yes: bool = False,
) -> Decision:
    """What to do with a legal command.

    Args:
        terminal: a person reads what is shown and can answer.
        run: offer to run also what would only be shown for its low confidence.
        yes: the person has agreed beforehand. Never holds for a destructive command, and not for
            one of low confidence either, unless ``run`` is given too.
    """
    certainty = band(confidence)
    if not run and certainty in ("suggest", "ask"):
        if not yes:
            return Decision("show")
        why = f"--yes alone runs nothing below a confidence of {CONFIRM}; add --run to run it"
        return Decision("refuse", why=why)
    if effect == "destructive":
        if terminal:
            return Decision("question", default=False)
        if not (run or yes):
            return Decision("show")
        why = "what can destroy work is run only after a yes at a terminal"
        return Decision("refuse", why=why)
    if yes:
        return Decision("run")
    if terminal:
        return Decision("question", default=certainty == "offer")
    if not run:
        return Decision("show")
    return Decision("refuse", why="there is no terminal to ask at; --yes runs it without asking")
