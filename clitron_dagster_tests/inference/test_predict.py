"""Rows in, rows out: whatever a row or the model does, one row comes back."""

import json
import math
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import pytest

from clitron_dagster import calibration
from clitron_dagster.answer import problems
from clitron_dagster.calibration import Calibration
from clitron_dagster.export.quantize import copy_with
from clitron_dagster.inference import predict
from clitron_dagster.inference.engine import Completion, Engine
from clitron_dagster.inference.llama import ModelFileError
from clitron_dagster.inference.predict import check_model, predict_rows
from clitron_dagster.schema import Schema
from clitron_dagster_tests.tiny import notes, tiny_gguf

GOOD = '{"type":"command","command":"show","subcommand":null,"args":{"id":7},"flags":[]'


@pytest.fixture(scope="module")
def engine() -> Engine:
    return Engine(tiny_gguf("q8_0"))


class Says(Engine):
    """An engine whose model writes a given text."""

    def __init__(self, text: str, logprob: float = 0.0) -> None:
        super().__init__(tiny_gguf("q8_0"), n_ctx=256)
        self.text, self.logprob = text, logprob

    def complete_batch(self, prompts: Sequence[str], *_: Any, **__: Any) -> list[Completion]:
        tokens = self.tokenize(self.text, special=False)
        done = Completion(self.text, tokens, [self.logprob] * len(tokens), 5.0, True)
        return [done for _ in prompts]


def one(engine: Engine, **row: object) -> dict[str, Any]:
    return next(iter(predict_rows(engine, notes(), [{"id": 1, "nl": "show 7", **row}])))


def test_good_answer() -> None:
    row = one(Says(GOOD, logprob=-0.01), context=None, tag="kept")
    assert row["argv"] == ["notes", "show", "7"]
    assert row["tag"] == "kept"
    assert "error" not in row
    assert row["response"]["confidence"] == row["confidence"]
    tokens = len(Says(GOOD).tokenize(GOOD))
    assert row["confidence"] == pytest.approx(math.exp(-0.01 * tokens), abs=1e-4)


def test_a_command_that_is_too_unsure_becomes_a_question() -> None:
    engine = Says(GOOD, logprob=-0.5)
    asks = Calibration(0.0, (1.0, 0.0, 0.0, 0.0), 60, ask_below=0.3, ask_right=0.8)
    engine.metadata = {**engine.metadata, calibration.KEY: asks.to_text()}
    row = one(engine)
    assert row["response"]["type"] == "clarification"
    assert "notes show 7" in row["response"]["message"]
    assert row["response"]["suggestions"][0]["command"] == "show"
    assert row["argv"] is None
    assert row["confidence"] == row["response"]["confidence"] == 0.8
    assert not problems(notes(), row["response"])
    engine.metadata = {
        **engine.metadata,
        calibration.KEY: asks.to_text().replace("0.3000", "0.0000"),
    }
    assert one(engine)["argv"] == ["notes", "show", "7"]


def test_answer_with_its_own_confidence_gets_the_measured_one() -> None:
    row = one(Says(GOOD + ',"confidence":0.2}'))
    assert row["response"]["confidence"] == row["confidence"] == 1.0


def test_confidence_of_a_clarification_leaves_its_words_out() -> None:
    text = '{"type":"clarification","message":"What do you mean by that?","suggestions":[]'
    engine = Says(text, logprob=-0.1)
    row = one(engine)
    assert row["argv"] is None
    assert "error" not in row
    head = engine.tokenize('{"type":"clarification","message')
    assert row["confidence"] == pytest.approx(math.exp(-0.1 * (len(head) + 1)), abs=0.02)


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ("I am a chatbot", "no JSON"),
        ('{"type":"command"', "no JSON"),
        ('{"type":"command","command":"fly","subcommand":null,"args":{},"flags":[]', "no command"),
        ('{"type":"command","command":"show","subcommand":null,"args":{},"flags":[]', "needs `id`"),
        ("[1]", "not a JSON object"),
    ],
)
def test_bad_answer_becomes_an_error(text: str, says: str) -> None:
    row = one(Says(text))
    assert says in row["error"]
    assert row["argv"] is None


def test_illegal_answer_keeps_what_could_be_parsed() -> None:
    row = one(Says('{"type":"command","command":"show","subcommand":null,"args":{},"flags":[]'))
    assert row["response"]["command"] == "show"


def test_bad_rows_do_not_stop_the_rest(engine: Engine) -> None:
    rows: list[dict[str, Any]] = [
        {"id": 1, "nl": "  "},
        {"id": 2},
        {"id": 3, "nl": "x", "context": [1]},
        {"id": 4, "nl": "x", "context": {"notes": 3}},
        {"id": 5, "nl": "x " * 990},
        {"id": 6, "nl": "y" * 3000},
        {"id": 7, "nl": 5, "context": None},
        {"id": 8, "nl": "read note 12", "error": "stale", "context": {"notes": {"x": 1}}},
    ]
    done = list(predict_rows(engine, notes(), rows, max_tokens=40))
    assert [row["id"] for row in done] == list(range(1, 9))
    assert all(row["error"] and row["response"] is None for row in done[:7])
    assert done[7].get("error") != "stale"
    assert set(rows[7]) | {"response", "argv", "confidence", "latency_ms"} >= set(done[7])


def test_rows_are_answered_lazily(engine: Engine) -> None:
    def rows() -> Iterator[dict[str, Any]]:
        yield {"id": 1, "nl": "list"}
        pytest.fail("read ahead")

    assert next(iter(predict_rows(engine, notes(), rows(), max_tokens=5)))["id"] == 1


def test_constrained_answers_are_legal_or_cut_off(engine: Engine) -> None:
    rows = [{"id": i, "nl": f"show note {i}", "context": None} for i in range(4)]
    for row in predict_rows(engine, notes(), rows):
        if "error" in row:
            assert "did not come to an end" in row["error"]
        else:
            assert not problems(notes(), row["response"])


def test_parallel_rows_are_the_same() -> None:
    rows = [{"id": i, "nl": f"note down {i}"} for i in range(7)]
    found = []
    for parallel in (1, 3):
        with Engine(tiny_gguf("f16"), parallel=parallel) as engine:
            found.append(
                [r["response"] for r in predict_rows(engine, notes(), rows, max_tokens=24)]
            )
    assert found[0] == found[1]


def test_model_of_another_cli(tmp_path: Path) -> None:
    other = Schema.model_validate({**notes().model_dump(), "cli_name": "memos"})
    with pytest.raises(ModelFileError, match="trained for `notes`, not `memos`"):
        check_model(other, tiny_gguf())
    changed = notes().model_dump()
    changed["commands"][0]["flags"] = []
    warnings = check_model(Schema.model_validate(changed), tiny_gguf())
    assert "changed since" in warnings[0]
    assert check_model(notes(), tiny_gguf()) == []
    copy_with(tiny_gguf("q8_0"), tmp_path / "old.gguf", {"clitron.prompt_version": "0"})
    with pytest.raises(ModelFileError, match="version 0 of the prompt"):
        check_model(notes(), tmp_path / "old.gguf")
    from clitron_dagster.base_model import embedded_gguf

    assert "not trained by clitron" in check_model(notes(), embedded_gguf())[0]


def test_results_are_json(engine: Engine) -> None:
    rows = [{"id": "é", "nl": "liste"}]
    assert json.loads(json.dumps(next(iter(predict_rows(engine, notes(), rows, max_tokens=5)))))
    assert predict.MAX_ANSWER_TOKENS <= 512
