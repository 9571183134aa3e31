"""What is filled in without the model is what every legal answer has at that place."""

import json
import random
from pathlib import Path

import pytest

from clitron_dagster.answer import answer_end, canonical, clarification, problems, suggestion
from clitron_dagster.inference.outline import Outline
from clitron_dagster.schema import Schema, load_schema
from clitron_dagster_tests.inference.test_grammar import FILES, answer_of


@pytest.fixture(scope="module", params=FILES, ids=lambda file: file.stem)
def schema(request: pytest.FixtureRequest) -> Schema:
    file: Path = request.param
    return load_schema(file)


def answers(schema: Schema) -> list[str]:
    rng = random.Random(1)
    made = [answer_of(schema, unit, rng, share) for unit in schema.units for share in (0, 0.1, 0.4)]
    texts = [canonical(one) for one in made if not problems(schema, one)]
    for unit in schema.units[:10]:
        two = [suggestion(unit), suggestion(schema.units[0], 'say "é"')]
        texts += [canonical(clarification("Which one?", two)), canonical(clarification("a", []))]
    return texts


def test_what_is_forced_stands_in_every_answer(schema: Schema) -> None:
    outline, filled, written = Outline(schema), 0, 0
    for text in answers(schema):
        end = answer_end(text)
        assert end is not None
        place = 0
        while place < end:
            forced = outline.forced(text[:place])
            assert text[:end].startswith(forced, place), (text[:place], forced)
            filled += len(forced)
            written += not forced
            place += len(forced) or 1
        assert outline.forced(text[:end]) == ""
    assert filled > 2 * written  # most of an answer decides nothing


def test_nothing_is_forced_where_answers_part(schema: Schema) -> None:
    """After the forced text, two different characters follow in some two answers of the schema."""
    outline = Outline(schema)
    assert outline.forced("") == '{"type":"c'
    start = '{"type":"command","command":"'
    first = {unit.command[0] for unit in schema.units}
    if len(first) > 1:
        assert outline.forced(start) == ""


@pytest.mark.parametrize("text", ["Sure", '{"type":"joke"', '{"type":"command","command":"zzz"'])
def test_other_text_is_left_alone(schema: Schema, text: str) -> None:
    assert Outline(schema).forced(text) == ""


def test_a_string_is_the_models_until_it_closes() -> None:
    schema = Schema.model_validate(
        {
            "cli_name": "x",
            "commands": [
                {
                    "name": "say",
                    "args": [
                        {"name": "text", "type": "string", "required": True},
                        {"name": "times", "type": "integer"},
                        {"name": "tag", "type": "string", "repeatable": True},
                        {"name": "tone", "type": {"enum": ["warm", "wry"]}},
                    ],
                    "flags": [{"name": "loud"}],
                }
            ],
        }
    )
    forced = Outline(schema).forced
    start = '{"type":"command","command":"say","subcommand":null,"args":{"text":"'
    assert forced('{"type":"co') == start.removeprefix('{"type":"co')
    assert forced(start) == forced(start + 'a \\" b') == ""
    assert forced(start + 'a"') == ""
    assert forced(start + 'a",') == '"t'
    assert forced(start + 'a","ti') == 'mes":'
    assert forced(start + 'a","times":1') == ""
    assert forced(start + 'a","tag":["b","c"],"to') == 'ne":"w'
    assert forced(start + 'a"}') == ',"flags":['
    assert forced(start + 'a"},"flags":["') == 'loud"]'
    assert json.loads(start + 'a"},"flags":["loud"]}')
