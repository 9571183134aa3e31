"""The table of what is done with an answer."""

from __future__ import annotations

import math

import pytest

from clitron_dagster.decide import band, decide, effect_of
from clitron_dagster.nearby import nearby
from clitron_dagster.schema import load_schema
from clitron_dagster_tests.paths import NOTES, SCHEMAS

YES, NO = "question, Enter is yes", "question, Enter is no"


@pytest.mark.parametrize(
    ("confidence", "name"),
    [
        (1.0, "offer"), (0.9, "offer"), (0.8999, "confirm"), (0.7, "confirm"), (0.6999, "suggest"),
        (0.5, "suggest"), (0.4999, "ask"), (0.0, "ask"), (None, "ask"), (math.nan, "ask"),
    ],
)  # fmt: skip
def test_bands(confidence: float | None, name: str) -> None:
    assert band(confidence) == name


# confidence → (no option, --run, --yes, --run --yes)
AT_A_TERMINAL = {
    0.95: (YES, YES, "run", "run"),
    0.8: (NO, NO, "run", "run"),
    0.6: ("show", NO, "refuse", "run"),
    0.3: ("show", NO, "refuse", "run"),
}
WITHOUT_ONE = {
    0.95: ("show", "refuse", "run", "run"),
    0.8: ("show", "refuse", "run", "run"),
    0.6: ("show", "refuse", "refuse", "run"),
    0.3: ("show", "refuse", "refuse", "run"),
}
DESTRUCTIVE_AT_A_TERMINAL = {
    0.95: (NO, NO, NO, NO),
    0.8: (NO, NO, NO, NO),
    0.6: ("show", NO, "refuse", NO),
    0.3: ("show", NO, "refuse", NO),
}
DESTRUCTIVE_WITHOUT_ONE = dict.fromkeys(
    (0.95, 0.8, 0.6, 0.3), ("show", "refuse", "refuse", "refuse")
)


@pytest.mark.parametrize(
    ("effect", "terminal", "table"),
    [
        ("read", True, AT_A_TERMINAL),
        ("write", True, AT_A_TERMINAL),
        ("read", False, WITHOUT_ONE),
        ("write", False, WITHOUT_ONE),
        ("destructive", True, DESTRUCTIVE_AT_A_TERMINAL),
        ("destructive", False, DESTRUCTIVE_WITHOUT_ONE),
    ],
)
def test_what_is_done(effect, terminal, table) -> None:
    for confidence, row in table.items():
        for wanted, (run, yes) in zip(
            row, ((False, False), (True, False), (False, True), (True, True)), strict=True
        ):
            made = decide(confidence, effect, terminal=terminal, run=run, yes=yes)
            shown = {"question": YES if made.default else NO}.get(made.action, made.action)
            assert shown == wanted, (confidence, run, yes)
            assert bool(made.why) == (made.action == "refuse")


def test_nearby_commands_share_rare_words_with_the_request() -> None:
    schema = load_schema(NOTES)
    remove = schema.unit("remove", None)
    assert nearby(schema, "delete the note for good")[0] == remove
    assert remove not in nearby(schema, "delete the note for good", but=remove)
    assert nearby(schema, "xyzzy") == []
    assert len(nearby(schema, "note", count=2)) <= 2


@pytest.mark.parametrize(
    ("command", "args", "effect"),
    [
        ("push", {"remote": "origin", "refspec": ["main"]}, "write"),
        ("push", {"remote": "origin", "refspec": ["main", "+fix"]}, "destructive"),
        ("push", {"remote": "origin", "refspec": [":fix"]}, "destructive"),
        ("switch", {"branch": "main"}, "write"),
        ("switch", {"force-create": "main"}, "destructive"),
        ("rebase", {"exec": "make test"}, "destructive"),
    ],
)
def test_what_a_value_can_destroy(command: str, args: dict[str, object], effect: str) -> None:
    unit = load_schema(SCHEMAS / "git.yaml").unit(command, None)
    assert effect_of(unit, {"args": args, "flags": []}) == effect
