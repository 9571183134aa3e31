"""The prior's say: a probability over answers, however they are cut into tokens."""

import json
import math
import random
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest

from clitron_dagster.answer import answer_end, canonical, clarification, problems
from clitron_dagster.inference.engine import Engine
from clitron_dagster.inference.grammar import schema_grammar
from clitron_dagster.inference.outline import Outline
from clitron_dagster.inference.structure_prior import ASK
from clitron_dagster.inference.vote import Vote
from clitron_dagster.schema import Schema, load_schema
from clitron_dagster_tests.inference.test_grammar import FILES, answer_of
from clitron_dagster_tests.paths import SCHEMAS
from clitron_dagster_tests.tiny import notes, tiny_gguf


class Says:
    """A reading with given probabilities."""

    def __init__(self, units: Mapping[str, float], options: Mapping[str, float] = {}) -> None:
        self.units, self._options = units, options

    def options(self, _unit: str) -> Mapping[str, float]:
        return self._options


def vote(schema: Schema, units: Mapping[str, float], options: Mapping[str, float] = {}) -> Vote:
    reading: Any = Says(units, options)
    return Vote(Outline(schema), reading)


def total(one: Vote, text: str, cuts: list[int]) -> float:
    """What the pieces between the cuts get together; a piece within a value gets nothing."""
    found = 0.0
    for start, end in zip([0, *cuts], [*cuts, len(text)], strict=True):
        weights = one.weights(text[:start], [text[start:end]])
        found += weights[0] if weights else 0.0
    return found


@pytest.mark.parametrize("file", FILES, ids=lambda file: file.stem)
def test_cuts_do_not_matter(file: Path) -> None:
    schema, rng = load_schema(file), random.Random(4)
    names = {option.name for unit in schema.units for option in (*unit.args, *unit.flags)}
    units = {key: rng.random() for key in (*(unit.key for unit in schema.units), ASK)}
    one = vote(schema, units, {name: rng.random() for name in sorted(names)})
    for unit in rng.sample(list(schema.units), min(12, len(schema.units))):
        answer = answer_of(schema, unit, rng, 0.3)
        if problems(schema, answer):
            continue
        text = canonical(answer)
        text = text[: answer_end(text)]
        for _ in range(4):
            cuts = sorted(rng.sample(range(1, len(text)), min(6, len(text) - 1)))
            assert total(one, text, cuts) == pytest.approx(one.log_p(text), abs=1e-6), text


def test_options_in_their_order_make_a_probability() -> None:
    """Over all subsets of one command's options, the shares add up to that command's."""
    schema = notes()
    unit = next(u for u in schema.units if u.key == "list")
    rng = random.Random(2)
    one = vote(schema, {"list": 1.0}, {o.name: rng.random() for o in (*unit.args, *unit.flags)})
    texts = set()
    for _ in range(3000):
        text = canonical(answer_of(schema, unit, rng, 0.5))
        texts.add(_without_values(text[: answer_end(text)]))
    share = sum(math.exp(one.log_p(text)) for text in texts)
    assert share == pytest.approx(
        math.exp(one.log_p('{"type":"command","command":"list"')), rel=0.05
    )


def _without_values(text: str) -> str:
    answer = json.loads(text + "}")
    kinds = {list: ["x"], str: "x", int: 1}
    answer["args"] = {key: kinds[type(value)] for key, value in answer["args"].items()}
    made = canonical({**answer, "confidence": 0.5})
    return made[: answer_end(made)]


def test_nothing_is_ruled_out() -> None:
    one = vote(notes(), {"show": 1.0})
    for answer in (
        clarification("Which?", []),
        {"type": "command", "command": "list", "subcommand": None, "args": {}, "flags": []},
    ):
        assert one.log_p(canonical({**answer, "confidence": 0.5})) > math.log(0.001)


def test_a_value_is_the_models_alone_until_it_ends() -> None:
    schema = load_schema(SCHEMAS / "git.yaml")
    one = vote(schema, {"commit": 1.0}, {"message": 0.9, "all": 0.9})
    start = '{"type":"command","command":"commit","subcommand":null,"args":{"message":"a'
    assert one.weights(start, ["b", '"']) is None
    weights = one.weights(start, ['"},"', " b", '","'])
    assert weights is not None
    assert weights[1] < -1e6  # the model ends the value, so it ends


def test_it_sways_the_model_within_the_grammar(monkeypatch: pytest.MonkeyPatch) -> None:
    schema = notes()
    grammar = schema_grammar(schema)
    with Engine(tiny_gguf("q8_0"), n_ctx=256) as engine:
        # An untrained model finds a hundred other tokens likelier than all legal ones.
        monkeypatch.setattr("clitron_dagster.inference.engine._ADVISED_TOKENS", engine.n_vocab - 1)
        monkeypatch.setattr("clitron_dagster.inference.vote._UNSURE", 1e-9)
        for unit in schema.units:
            sure = vote(schema, {unit.key: 1.0})
            done = engine.complete("notes", 24, grammar=grammar, advice=sure)
            assert f'"command":"{unit.command}"' in done.text
