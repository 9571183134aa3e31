from __future__ import annotations

import json
import math
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from clitron_dagster.answer import canonical, command_answer
from clitron_dagster.evaluate.metrics import (
    column_scores,
    mcnemar_exact,
    needs_context,
    option_group,
    percentile,
    score_row,
    wilson,
)
from clitron_dagster.evaluate.rows import EvalRow
from clitron_dagster.schema import Schema

ASK = {"type": "clarification"}
QUESTION = {"type": "clarification", "message": "Which?", "suggestions": [], "confidence": 0.4}


def send(args: dict[str, Any], flags: list[str] | None = None, **more: Any) -> dict[str, Any]:
    return {
        "type": "command", "command": "order", "subcommand": "send", "args": args,
        "flags": flags or [], "confidence": 0.95, **more,
    }  # fmt: skip


def row(truth: dict[str, Any], *accept: dict[str, Any], **more: Any) -> EvalRow:
    unit = "order send" if truth["type"] == "command" else ""
    return EvalRow(**{"id": "1", "request": "r", "context": None, "unit": unit, **more},
                   truth=truth, accept=accept)  # fmt: skip


# -- one row --------------------------------------------------------------------------------------


def test_exact_ignores_confidence_and_order(shop: Schema) -> None:
    truth = send({"id": "a", "count": 2}, ["fast", "gift"])
    given = {**send({"count": 2, "id": "a"}, ["gift", "fast"]), "confidence": 0.1}
    score = score_row(shop, row(truth), json.dumps(dict(reversed(given.items()))))
    assert (score.exact, score.structural, score.schema_valid) == (True, True, True)


@pytest.mark.parametrize(
    ("args", "flags", "structural", "args_right", "flags_equal"),
    [
        ({"id": "b", "count": 2}, ["fast"], True, 1, True),  # wrong value
        ({"id": "a", "count": 2.0}, ["fast"], True, 1, True),  # 2.0 is not 2
        ({"id": "a"}, ["fast"], False, 1, True),  # arg missing
        ({"id": "a", "count": 2, "to": "x"}, ["fast"], False, 2, True),  # arg too many
        ({"id": "a", "count": 2}, [], False, 2, False),
        ({"id": "a", "count": 2}, ["fast", "gift"], False, 2, False),
    ],
)
def test_near_misses(
    shop: Schema,
    args: dict[str, Any],
    flags: list[str],
    structural: bool,
    args_right: int,
    flags_equal: bool,
) -> None:
    score = score_row(
        shop, row(send({"id": "a", "count": 2}, ["fast"])), canonical(send(args, flags))
    )
    assert not score.exact
    assert score.command
    assert (score.structural, score.args_right, score.args_total, score.flags_equal) == (
        structural, args_right, 2, flags_equal,
    )  # fmt: skip


def test_right_values_under_another_command_do_not_count(shop: Schema) -> None:
    given = {**send({"id": "a"}), "subcommand": "drop"}
    score = score_row(shop, row(send({"id": "a"})), canonical(given))
    assert (score.schema_valid, score.command, score.args_right) == (True, False, 0)


def test_any_question_is_right_where_one_is_due(shop: Schema) -> None:
    assert score_row(shop, row(ASK), canonical(QUESTION)).exact
    assert not score_row(shop, row(send({"id": "a"})), canonical(QUESTION)).exact
    assert not score_row(shop, row(ASK), canonical(send({"id": "a"}))).exact


def test_accepted_alternative_counts(shop: Schema) -> None:
    truth, other = send({"id": "a"}), send({"id": "a", "count": 1})
    assert score_row(shop, row(truth, other), canonical(other)).exact
    assert score_row(shop, row(truth, ASK), canonical(QUESTION)).exact
    assert not score_row(shop, row(truth, other), canonical(send({"id": "b"}))).exact


@pytest.mark.parametrize(
    "text", ["", "[]", "3", "null", "{", 'Sure: {"type":"command"}', "[" * 9000]
)
def test_no_json_object(shop: Schema, text: str) -> None:
    score = score_row(shop, row(send({"id": "a"}, ["fast"])), text)
    assert (score.json_valid, score.schema_valid, score.exact) == (False, False, False)
    assert (score.args_total, score.flags_missed) == (1, 1)


@pytest.mark.parametrize(
    "answer",
    [
        {},
        {"type": 3},
        send([]),
        send({}, None),
        {**send({}), "flags": 3},
        {**send({}), "command": []},
    ],
)  # type: ignore[arg-type]
def test_illegal_answers_are_scored_not_raised(shop: Schema, answer: dict[str, Any]) -> None:
    score = score_row(shop, row(send({"id": "a"})), json.dumps(answer))
    assert (score.json_valid, score.schema_valid, score.exact) == (True, False, False)


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(max_size=5),
    lambda inner: (
        st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=5), inner, max_size=3)
    ),
    max_leaves=8,
)


@given(
    answer=st.fixed_dictionaries(
        {},
        optional={
            "type": st.sampled_from(["command", "clarification"]) | JSON,
            "command": st.sampled_from(["order", "list"]) | JSON,
            "subcommand": st.sampled_from(["send", None]) | JSON,
            "args": st.just({"id": "a"}) | JSON,
            "flags": st.just(["fast"]) | JSON,
        },
    )
)
def test_any_json_is_scored(shop: Schema, answer: dict[str, Any]) -> None:
    score = score_row(shop, row(send({"id": "a"}, ["fast"])), json.dumps(answer))
    assert score.structural or not score.exact
    assert score.command or not score.structural
    assert score.schema_valid or not score.exact


@given(
    count=st.none() | st.integers(),
    to=st.none() | st.text(min_size=1).filter(lambda t: "\0" not in t),
    flags=st.sets(st.sampled_from(["fast", "gift"])),
)
def test_the_truth_itself_is_exact(
    shop: Schema, count: int | None, to: str | None, flags: set[str]
) -> None:
    unit = shop.unit("order", "send")
    assert unit
    args = {"id": "a", "count": count, "to": to}
    given_args = {key: value for key, value in args.items() if value is not None}
    truth = command_answer(shop, unit, given_args, sorted(flags))
    score = score_row(shop, row(truth), canonical(truth))
    assert (score.exact, score.structural, score.schema_valid) == (True, True, True)
    assert (score.args_right, score.flags_hit) == (len(given_args), len(flags))


# -- a column -------------------------------------------------------------------------------------


def test_column_by_hand(shop: Schema) -> None:
    a, wanted = send({"id": "a"}), send({"id": "a", "count": 2}, ["fast"])
    cases = [
        (row(a, tags=("x",)), a),
        (row(wanted, tags=("x",)), send({"id": "a", "count": 3}, ["fast"])),
        (row(wanted), QUESTION),
        (row(ASK, case="off_topic"), QUESTION),
        (row(ASK, case="off_topic"), send({"id": "a"}, ["gift"])),
        (row(ASK, case="missing_arg"), {"type": "nonsense"}),
    ]
    rows = [one for one, _ in cases]
    scores = [score_row(shop, one, json.dumps(answer)) for one, answer in cases]
    found = column_scores(rows, scores)

    def counts(key: str) -> tuple[int, int]:
        return found[key]["right"], found[key]["n"]

    assert found["n"] == 6
    assert counts("json_valid") == (6, 6)
    assert counts("schema_valid") == (5, 6)
    assert counts("exact") == (2, 6)
    assert counts("structural") == (3, 6)
    assert counts("command") == (2, 3)
    assert counts("command_exact") == (1, 3)
    assert counts("arg_accuracy") == (2, 5)
    assert counts("flag_accuracy") == (2, 3)
    # flags: one hit, one extra (gift where a question was due), one missed (the needless question)
    assert found["flag_f1"] == {"value": 0.5, "hit": 1, "extra": 1, "missed": 1, "n": 2}
    assert counts("clarification_precision") == (1, 2)
    assert counts("clarification_recall") == (1, 3)
    assert found["clarification_by_case"]["off_topic"]["exact"]["right"] == 1
    assert found["clarification_by_case"]["missing_arg"]["exact"]["value"] == 0
    assert found["by_options"].keys() == {"1", "3", "clarification"}
    assert found["by_unit"]["order send"]["structural"]["right"] == 2
    assert found["by_tag"]["x"]["exact"]["n"] == 2
    assert counts("context") == (0, 0)
    assert found["context"]["value"] is None


def test_an_accepted_question_is_no_needless_one(shop: Schema) -> None:
    rows = [row(send({"id": "a"}), ASK)]
    found = column_scores(rows, [score_row(shop, rows[0], canonical(QUESTION))])
    assert found["clarification_precision"]["value"] == 1


def test_needs_context() -> None:
    context = {"shop": {"current_order": "a7", "n": 12}}
    assert needs_context(row(send({"id": "a7"}), request="send this", context=context))
    assert needs_context(row(send({"id": "z", "count": 12}), request="send z", context=context))
    assert not needs_context(row(send({"id": "a7"}), request="send a7", context=context))
    assert not needs_context(row(send({"id": "a7"}), request="send this"))
    assert not needs_context(row(ASK, request="send this", context=context))


def test_option_group() -> None:
    assert option_group(row(send({}))) == "0"
    assert option_group(row(send({"id": "a", "to": "b", "count": 1}, ["fast", "gift"]))) == "4+"


def test_scores_must_pair() -> None:
    with pytest.raises(ValueError, match="1 rows but 0 scores"):
        column_scores([row(ASK)], [])


# -- statistics -----------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("right", "n", "low", "high"),
    [
        # Newcombe, Statistics in Medicine 17 (1998), table I, method 3
        (81, 263, 0.2553, 0.3662),
        (15, 148, 0.0624, 0.1605),
        (0, 20, 0, 0.1611),
        (1, 29, 0.0061, 0.1718),
    ],
)
def test_wilson_published_values(right: int, n: int, low: float, high: float) -> None:
    assert wilson(right, n) == (pytest.approx(low, abs=5e-5), pytest.approx(high, abs=5e-5))


def test_wilson_of_nothing() -> None:
    assert wilson(0, 0) == (None, None)


@given(st.integers(1, 5000).flatmap(lambda n: st.tuples(st.integers(0, n), st.just(n))))
def test_wilson_holds_the_proportion(counts: tuple[int, int]) -> None:
    right, n = counts
    low, high = wilson(right, n)
    assert low is not None
    assert high is not None
    assert 0 <= low <= right / n <= high <= 1
    mirrored = wilson(n - right, n)
    assert mirrored == (pytest.approx(1 - high), pytest.approx(1 - low))


def test_mcnemar_by_hand() -> None:
    a = [True] * 8 + [False] * 2 + [True] * 5
    b = [False] * 8 + [True] * 2 + [True] * 5
    # 10 discordant, 2 to the rarer side: 2·(1 + 10 + 45)/1024
    assert mcnemar_exact(a, b) == {"only_a": 8, "only_b": 2, "n": 15, "p": 2 * 56 / 1024}
    assert mcnemar_exact(a, a)["p"] == 1
    with pytest.raises(ValueError, match="paired"):
        mcnemar_exact([True], [])


@given(st.lists(st.tuples(st.booleans(), st.booleans()), max_size=60))
def test_mcnemar_is_symmetric(pairs: list[tuple[bool, bool]]) -> None:
    a, b = [x for x, _ in pairs], [y for _, y in pairs]
    one, other = mcnemar_exact(a, b), mcnemar_exact(b, a)
    assert one["p"] == other["p"]
    assert 0 < one["p"] <= 1
    assert (one["only_a"], one["only_b"]) == (other["only_b"], other["only_a"])


@given(st.lists(st.floats(0, 1e6), min_size=1, max_size=50), st.floats(0.01, 1))
def test_percentile(values: list[float], share: float) -> None:
    found = percentile(values, share)
    assert found in values
    assert sum(v <= found for v in values) >= math.ceil(share * len(values) - 1e-9)
    assert percentile(values, 1) == max(values)
