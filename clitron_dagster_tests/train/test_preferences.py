"""Pairs: the model's own errors first, corruptions marked, right answers never rejected."""

import json
import random

import pytest

from clitron_dagster.answer import canonical
from clitron_dagster.argv import from_argv
from clitron_dagster.schema import load_schema
from clitron_dagster.train.errors import corrupt, error_kind
from clitron_dagster.train.preferences import PreferencePairsConfig, pair_up
from clitron_dagster_tests.paths import NOTES

SCHEMA = load_schema(NOTES)
TRUTH = from_argv(SCHEMA, ["add", "--label", "home", "--pin", "buy milk"])


@pytest.mark.parametrize(
    ("change", "kind"),
    [
        ({}, None),
        ({"confidence": 0.1}, None),
        ({"flags": []}, "missing_option"),
        ({"args": {**TRUTH["args"], "priority": "low"}}, "extra_option"),
        ({"args": {**TRUTH["args"], "text": "buy mik"}}, "wrong_value"),
        ({"args": {**TRUTH["args"], "priority": "low"}, "flags": []}, "wrong_option"),
        ({"flags": ["pinn"]}, "illegal"),
        ({"command": "list"}, "wrong_command"),
        ({"type": "clarification", "message": "What?", "suggestions": []}, "wrong_type"),
    ],
)
def test_kinds_of_error(change, kind):
    assert error_kind(SCHEMA, TRUTH, canonical({**TRUTH, **change})) == kind


@pytest.mark.parametrize("text", ["", "{", "[]", "3", '"x"', '{"a":1}'])
def test_what_is_no_answer(text):
    assert error_kind(SCHEMA, TRUTH, text) == "invalid_json"


def test_a_corruption_is_always_wrong():
    for seed in range(60):
        text, kind = corrupt(SCHEMA, TRUTH, random.Random(seed))
        assert kind == error_kind(SCHEMA, TRUTH, text)
        assert kind is not None


def test_own_errors_come_first_and_corruptions_fill_up():
    rows = [
        {"id": str(i), "instruction": f"r{i}", "context": None, "output": canonical(TRUTH)}
        for i in range(6)
    ]
    wrong = canonical({**TRUTH, "flags": []})
    samples = {str(i): [canonical(TRUTH), canonical(TRUTH)] for i in range(6)}
    samples["0"] = [wrong, wrong, canonical(TRUTH)]
    pairs = pair_up(SCHEMA, rows, samples, PreferencePairsConfig(min_pairs=4))
    assert [pair["origin"] for pair in pairs] == ["sampled", "corrupted", "corrupted", "corrupted"]
    assert pairs[0]["error"] == "missing_option"
    assert all(json.loads(pair["chosen"]) == TRUTH for pair in pairs)
    assert all(pair["rejected"] != pair["chosen"] for pair in pairs)
