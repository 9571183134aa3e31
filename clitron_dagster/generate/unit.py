"""Requests for one unit, each with its answer.

Row number *i* of a unit comes from its own random stream, so that asking for more rows appends some
and changes none, and no unit's rows depend on what another unit's entry says (only on the names of
the CLI's commands, which must not be used as synonyms).
"""

from __future__ import annotations

from collections import Counter
from random import Random

from clitron_dagster import answer
from clitron_dagster.argv import to_argv, to_shell
from clitron_dagster.generate import context as surroundings
from clitron_dagster.generate.config import RawExamplesConfig
from clitron_dagster.generate.fill import fill, reveal
from clitron_dagster.generate.rows import Row, items_of, make_row, plain, stream
from clitron_dagster.generate.surface import dress
from clitron_dagster.generate.words import options_of
from clitron_dagster.generate.workshop import Draft, Workshop
from clitron_dagster.schema import Schema, Unit

_SAME_TEXT = 3  # rows of one wording, in different surroundings
_TRIES = 14  # draws for one row
_MISSES = 80  # rows in a row that bring nothing new, before the unit counts as exhausted


def generate_unit(
    schema: Schema, unit: Unit, count: int, seed: int, config: RawExamplesConfig
) -> list[Row]:
    """Up to ``count`` different commands for one unit; fewer when it cannot be asked for in as many
    ways. The same (seed, unit) gives the same rows, and a smaller count their beginning."""
    shop = Workshop(schema, unit, config)
    positive = config.share_with_context + config.share_without_context
    share = config.share_with_context / positive if schema.context and positive else 0.0
    rows: list[Row] = []
    seen: set[str] = set()
    texts: Counter[str] = Counter()
    misses = attempt = 0
    while len(rows) < count and misses < _MISSES:
        rng = stream(seed, unit.key, attempt)
        wanted = _spread(attempt, share, seed)
        new = _attempt(shop, attempt, rng, wanted)
        attempt += 1
        misses += 1
        for row in new:
            text = plain(row["instruction"])
            key = f"{text} {row['context']}"
            if text and key not in seen and texts[text] < _SAME_TEXT:
                seen.add(key)
                texts[text] += 1
                rows.append(row)
                misses = 0
    return rows[:count]


def _attempt(shop: Workshop, attempt: int, rng: Random, facts_wanted: bool) -> list[Row]:
    if attempt < len(shop.unit.node.examples):
        return [_exact_row(shop, attempt, rng, facts_wanted)]
    for _ in range(_TRIES):
        draft = shop.draft(rng, facts_wanted)
        if draft is None:
            continue
        if rng.random() < shop.config.literal_rate:
            literal = _literal_row(shop, draft, rng)
            return [literal] if literal else []
        rows = [_row(shop, draft, rng)]
        if draft.clauses and rng.random() < shop.config.contrast_rate:
            less = draft.without_last_clause()
            if _stands_alone(shop.unit, less):
                rows.append(_row(shop, less, rng))
        return rows
    return []


def _stands_alone(unit: Unit, draft: Draft) -> bool:
    """Whether the shorter request is still whole: nothing required went away."""
    given = {*draft.values, *draft.flags}
    needed = {arg.name for arg in unit.args if arg.required}
    for option in options_of(unit):
        if option.name in given:
            needed.update(option.requires)
    in_front = [arg.name in given for arg in unit.positionals if not arg.separator]
    return needed <= given and in_front == sorted(in_front, reverse=True)


def _spread(index: int, share: float, seed: int) -> bool:
    """Whether row ``index`` is among ``share`` of the rows, spread evenly over them."""
    offset = (seed % 7) / 7
    return int((index + 1) * share + offset) > int(index * share + offset)


def _row(shop: Workshop, draft: Draft, rng: Random) -> Row:
    config = shop.config
    filled = fill(draft.template(rng), shop.unit, draft.values, rng, config.number_word_rate)
    text = dress(
        filled.text,
        rng,
        avoid=shop.avoid,
        open_ended=filled.open_ended,
        typo=rng.random() < config.typo_rate,
        plain=draft.base.origin == "author" and rng.random() < 0.35,
        typed=draft.base.origin == "typed",
        reads=shop.unit.node.effect == "read",
        commands=shop.verbs,
    )
    return _finish(shop, reveal(text, filled.spelled), draft, draft.base.text)


def _exact_row(shop: Workshop, index: int, rng: Random, facts_wanted: bool) -> Row:
    """The author's example as it stands (its own context, or an irrelevant one)."""
    example, phrase = shop.unit.node.examples[index], shop.phrases["author"][index]
    if example.context is not None:
        facts = surroundings.flatten(shop.schema, example.context)
    elif facts_wanted:
        facts = surroundings.sample_facts(shop.schema, rng, set(), set())
    else:
        facts = {}
    draft = Draft(phrase, phrase.text, dict(example.args), list(example.flags), facts=facts)
    return _finish(shop, example.request, draft, phrase.text)


def _literal_row(shop: Workshop, draft: Draft, rng: Random) -> Row | None:
    """The command line itself, which people do type: ``git push --force``."""
    if draft.base.bound or (draft.facts and draft.text != draft.base.text):
        return None
    reply = answer.command_answer(shop.schema, shop.unit, draft.values, draft.flags)
    if answer.problems(shop.schema, reply):
        return None
    argv = to_argv(shop.schema, reply) or []
    if rng.random() < 0.5:
        argv = _shortened(shop.unit, argv)
    line = to_shell(argv[1:] if rng.random() < 0.4 else argv)
    if any(str(item) not in line for value in draft.values.values() for item in items_of(value)):
        return None  # shell quoting changed a value
    line = rng.choice(("", "", "", "", "run ")) + line
    return _finish(shop, line, draft, "literal")


def _shortened(unit: Unit, argv: list[str]) -> list[str]:
    shorts = {f"--{o.name}": f"-{o.short}" for o in options_of(unit) if o.short}
    end = argv.index("--") if "--" in argv else len(argv)
    return [shorts.get(word, word) if at < end else word for at, word in enumerate(argv)]


def _finish(shop: Workshop, text: str, draft: Draft, group: str) -> Row:
    reply = answer.command_answer(shop.schema, shop.unit, draft.values, draft.flags)
    context = surroundings.nest(draft.facts)
    return make_row(shop.unit.key, "command", f"{shop.unit.key}|{group}", text, context, reply)
