"""Requests that are answered with a question: the six negative cases of seed 004.

``missing_arg`` belongs to a unit (:func:`generate_missing_arg`); the other five name several units
or none, and each is a bucket of its own (:func:`generate_case`), so that no unit's rows depend on
them. Messages are few and always worded alike: a small model has to learn them.
"""

from __future__ import annotations

import re
from collections import defaultdict
from collections.abc import Iterator
from random import Random
from typing import Any

from clitron_dagster import answer
from clitron_dagster.generate import context as surroundings
from clitron_dagster.generate import lexicon
from clitron_dagster.generate import negative_words as pools
from clitron_dagster.generate.config import RawExamplesConfig
from clitron_dagster.generate.fill import fill, reveal
from clitron_dagster.generate.phrases import SLOT, Phrase
from clitron_dagster.generate.surface import dress, mistype
from clitron_dagster.generate.unit import Row, Workshop, command_names, make_row, stream
from clitron_dagster.generate.words import asked_for, first_word, plural, spoken
from clitron_dagster.schema import Arg, Command, Schema, Unit
from clitron_dagster.schema.semantics import FREE_TEXT

CASES = ("ambiguous_command", "unclear_intent", "off_topic", "multiple_interpretations", "ambiguous_typo")
MAX_SUGGESTIONS = 3
_Ask = tuple[str, str, list[Unit], str]  # request, message, suggested units, group


def reply(message: str, units: list[Unit]) -> answer.Answer:
    return answer.clarification(
        message, [answer.suggestion(unit, unit.key) for unit in units[:MAX_SUGGESTIONS]]
    )


def did_you_mean(units: list[Unit]) -> str:
    names = [unit.key for unit in units[:MAX_SUGGESTIONS]]
    return f"Did you mean {', '.join(names[:-1])} or {names[-1]}?" if len(names) > 1 else f"Did you mean {names[0]}?"


def richness(unit: Unit) -> int:
    """How much the author wrote about a unit: what people need daily is described best."""
    return len(unit.node.natural_language) + 2 * len(unit.node.examples)


def common_units(units: list[Unit] | tuple[Unit, ...]) -> list[Unit]:
    order = {unit.key: index for index, unit in enumerate(units)}
    return sorted(units, key=lambda unit: (-richness(unit), order[unit.key]))


# -- missing_arg ----------------------------------------------------------------------------------


def generate_missing_arg(
    schema: Schema, unit: Unit, count: int, seed: int, config: RawExamplesConfig
) -> list[Row]:
    """Requests for the unit that leave out a required value, or say "this" where nothing is known."""
    shop = Workshop(schema, unit, config)
    ways = [way for way in (_left_out(shop), _unresolved(shop)) if way]
    rows: list[Row] = []
    seen: set[str] = set()
    attempt = 0
    while ways and len(rows) < count and attempt < count * 8 + 60:
        rng = stream(seed, unit.key, "missing_arg", attempt)
        attempt += 1
        phrase, arg, referring = rng.choice(rng.choice(ways))
        text = surroundings.refer(phrase.text, unit, arg, rng) if referring else phrase.text
        values = {n: shop._value(n, rng, phrase) for n in phrase.slots() if n != arg.name}
        filled = fill(text, unit, values, rng, config.number_word_rate)
        if SLOT.search(filled.text) and "{%s}" % arg.name in filled.text:
            continue
        avoid, typo = shop.avoid, rng.random() < config.typo_rate
        worded = dress(filled.text, rng, avoid=avoid, open_ended=filled.open_ended, typo=typo, commands=shop.names)
        link = shop.references.get(arg.name) or phrase.bound.get(arg.name) or ()
        hidden = {part for part in link if part[0] != "="}
        facts = {}
        if schema.context and rng.random() < 0.5:
            facts = surroundings.sample_facts(schema, rng, set(), hidden)
        row = make_row(unit.key, "clarification:missing_arg", f"{unit.key}|{phrase.text}",
                       reveal(worded, filled.spelled), surroundings.nest(facts),
                       reply(asked_for(unit, arg), [unit]))  # fmt: skip
        if row["instruction"].lower() not in seen or facts:
            seen.add(row["instruction"].lower())
            rows.append(row)
    return rows


_Way = tuple[Phrase, Arg, bool]


def _left_out(shop: Workshop) -> list[_Way]:
    """Phrases without their first required value: ``delete branch``, ``rename to x`` never."""
    found = []
    required = [arg for arg in shop.unit.args if arg.required]
    if not required:
        return []
    arg = required[0]
    for phrase in _all_phrases(shop):
        if phrase.origin == "words" and first_word(phrase.text) == shop.schema.cli_name:
            continue
        if not phrase.slots() and not phrase.args and not phrase.bound:
            if phrase.origin != "author":
                found.append((phrase, arg, False))
        elif phrase.slots() == [arg.name]:
            text = strip_slot(phrase.text, arg.name)
            if text:
                found.append((Phrase(text, phrase.origin, phrase.args, phrase.flags), arg, False))
    return found


def _unresolved(shop: Workshop) -> list[_Way]:
    """Phrases that can say "this pull request": a question where the context does not tell which."""
    wanted = {**{arg.name: arg for arg in shop.unit.args if arg.required}}
    wanted = {n: a for n, a in wanted.items() if a.semantic not in FREE_TEXT and a.type != "enum"}
    wanted |= {name: arg for name in shop.references if (arg := shop.unit.arg(name))}
    found: list[_Way] = []
    for phrase in _all_phrases(shop):
        for name in phrase.slots():
            if name in wanted and "{%s#" % name not in phrase.text and len(phrase.slots()) <= 2:
                found.append((phrase, wanted[name], True))
        for name in phrase.bound:
            if (arg := shop.unit.arg(name)) and not phrase.slots() and _points(phrase.text):
                found += [(phrase, arg, False)] * 2
    return found


def _points(text: str) -> bool:
    return bool(re.search(r"\b(this|current|it|here|that)\b", text.lower()))


def _all_phrases(shop: Workshop) -> Iterator[Phrase]:
    for phrases in shop.phrases.values():
        yield from phrases


_LEADS = r"(?:\b(?:called|named|to|from|for|in|of|on|with|at|by|number|saying|the|is|as|into|about)|[:#@'\"])"


def strip_slot(text: str, name: str) -> str:
    """``delete the {branch} branch`` → ``delete the branch``; empty when no whole request is left."""
    slot = r"['\"]?#?@?\{" + re.escape(name) + r"\}['\"]?"
    match = re.fullmatch(rf"(.*?)\s*{slot}", text)
    if match:
        head = match[1]
        while (shorter := re.sub(rf"\s*{_LEADS}$", "", head)) != head:
            head = shorter
        return head if head.strip() and not SLOT.search(head) else ""
    match = re.fullmatch(rf"(.*\bthe) {slot} (\w+)", text)
    return f"{match[1]} {match[2]}" if match else ""


# -- the other cases ------------------------------------------------------------------------------


def generate_case(
    schema: Schema, case: str, count: int, seed: int, config: RawExamplesConfig
) -> list[Row]:
    """Up to ``count`` rows of one of :data:`CASES`; none where the CLI has no such case."""
    make = _CASES[case](schema)
    rows: list[Row] = []
    seen: set[tuple[str, str]] = set()
    for attempt in range(count * 10 + 60 if make else 0):
        if len(rows) >= count:
            break
        rng = stream(seed, "negatives", case, attempt)
        text, message, units, group = make(rng)
        facts = {}
        if schema.context and rng.random() < 0.5:
            facts = surroundings.sample_facts(schema, rng, set(), set())
        text = _dress_short(" ".join(text.split()), rng)
        key = (text.lower(), str(bool(facts)))
        if text and key not in seen:
            seen.add(key)
            unit = units[0].key if len(units) == 1 else ""
            rows.append(make_row(unit, f"clarification:{case}", f"{case}|{group}", text,
                                 surroundings.nest(facts), reply(message, units)))  # fmt: skip
    return rows


def _dress_short(text: str, rng: Random) -> str:
    roll = rng.random()
    if roll < 0.2 and text:
        return text[0].upper() + text[1:]
    return text


def _ambiguous_command(schema: Schema) -> Any:
    groups = list(_groups(schema.commands))
    if not groups:
        return None

    def make(rng: Random) -> _Ask:
        group = rng.choice(groups)
        units = common_units([u for u in schema.units if group in u.parents])
        name = spoken(rng.choice((group.name, group.name, *group.aliases)))
        form = rng.choice(pools.GROUP_ALONE)
        text = form.format(g=name, gs=plural(name), cli=schema.cli_name)
        return text, f"What do you want to do with {group.name}?", units, f"{group.name}|{form}"

    return make


def _groups(commands: tuple[Command, ...]) -> Iterator[Command]:
    for command in commands:
        if command.subcommands:
            yield command
            yield from _groups(command.subcommands)


def _unclear_intent(schema: Schema) -> Any:
    units = common_units(schema.units)[:MAX_SUGGESTIONS]
    names = command_names(schema)
    texts = [text for text in pools.UNCLEAR if text not in names]

    def make(rng: Random) -> _Ask:
        text = rng.choice(texts)
        opener, closer = rng.choice(pools.UNCLEAR_OPENERS), rng.choice(pools.UNCLEAR_CLOSERS)
        if opener.strip() and (first_word(text) in ("please", "can", "could", "what", "how", "where", "why", "ok")):
            opener = ""
        return f"{opener}{text}{closer}", "What do you want to do?", units, text

    return make


def _off_topic(schema: Schema) -> Any:
    known = {schema.cli_name, *command_names(schema)}
    patterns = [text for tool, text in pools.OFF_TOPIC if tool not in known]

    def make(rng: Random) -> _Ask:
        pattern = rng.choice(patterns)
        text = re.sub(r"\{(\w+)\}", lambda m: rng.choice(pools.FILLERS[m[1]]), pattern)
        opener = rng.choice(pools.OFF_TOPIC_OPENERS)
        if first_word(text) in lexicon.QUESTION_WORDS and opener in ("can you ", "please "):
            opener = ""
        if first_word(text) not in lexicon.QUESTION_WORDS and opener.startswith("i want to know"):
            opener = "i want to "
        closer = rng.choice(("", "", "", "", "?" if first_word(text) in lexicon.QUESTION_WORDS else " please"))
        return opener + text + closer, f"I can only help with {schema.cli_name}.", [], pattern

    return make


def _multiple_interpretations(schema: Schema) -> Any:
    shared = _shared_verbs(schema)
    pairs = _similar_pairs(schema)
    if not shared and not pairs:
        return None

    def make(rng: Random) -> _Ask:
        if shared and (not pairs or rng.random() < 0.55):
            verb = rng.choice(sorted(shared))
            units = common_units(shared[verb])[:MAX_SUGGESTIONS]
            form = rng.choice(pools.SHARED_VERB)
            return form.format(v=verb), did_you_mean(units), units, f"{verb}|{form}"
        one, other = rng.choice(pairs)
        form = rng.choice(pools.EITHER)
        first, second = rng.sample([one, other], 2)
        text = form.format(a=_called(first, rng), b=_called(second, rng))
        return text, did_you_mean([one, other]), [one, other], f"{one.key}|{other.key}|{form}"

    return make


def _called(unit: Unit, rng: Random) -> str:
    return " ".join(spoken(name) for name in unit.path)


def _shared_verbs(schema: Schema) -> dict[str, list[Unit]]:
    """Verbs with which requests for two or more units begin, and which are no command of their own."""
    top = {command.name for command in schema.commands if not command.subcommands}
    found: dict[str, list[Unit]] = defaultdict(list)
    for unit in schema.units:
        verbs = {first_word(text) for text in unit.node.natural_language}
        verbs |= {first_word(example.request) for example in unit.node.examples}
        if unit.parents:
            verbs.add(unit.node.name)
        for verb in verbs & set(lexicon.VERBS) - top:
            found[verb].append(unit)
    return {verb: units for verb, units in found.items() if len(units) > 1}


def _similar_pairs(schema: Schema) -> list[tuple[Unit, Unit]]:
    """Units that people weigh against each other: they share words, or a group."""
    words = {unit.key: _content_words(unit) for unit in schema.units}
    pairs = []
    for index, one in enumerate(schema.units):
        for other in schema.units[index + 1 :]:
            shared = len(words[one.key] & words[other.key])
            related = one.parents == other.parents if one.parents or other.parents else shared > 1
            if related:
                pairs.append((shared, one, other))
    pairs.sort(key=lambda item: -item[0])
    return [(one, other) for _, one, other in pairs[:60]]


def _content_words(unit: Unit) -> set[str]:
    text = " ".join((unit.node.description, *unit.node.natural_language)).lower()
    return {word for word in re.findall(r"[a-z]{4,}", re.sub(r"\{.*?\}", "", text))} - {
        "with", "from", "that", "this", "into", "make", "show", "your", "what", "have", "then"}  # fmt: skip


def _ambiguous_typo(schema: Schema) -> Any:
    by_word: dict[str, list[Unit]] = defaultdict(list)
    for unit in schema.units:
        by_word[unit.node.name].append(unit)
    words = sorted(word for word in by_word if word.isalpha() and len(word) > 2)
    between = sorted(_between(words).items())
    if len(words) < 2:
        return None

    def make(rng: Random) -> _Ask:
        if between and rng.random() < 0.6:
            typed, near = rng.choice(between)
        else:
            word = rng.choice([w for w in words if len(w) > 3] or words)
            typed = mistype(mistype(word, rng), rng) if len(word) > 3 else word[::-1]
            near = tuple(_nearest(typed, words))
        if typed in by_word:
            return "", "?", [], ""
        units = [common_units(by_word[word])[0] for word in near[:2]]
        form = rng.choice(pools.TYPO_FORMS)
        return form.format(t=typed, cli=schema.cli_name), did_you_mean(units), units, f"typo|{typed}"

    return make


def _between(words: list[str]) -> dict[str, tuple[str, ...]]:
    """Misspellings that are one slip away from two command words: ``pul`` is not, ``pulh`` is."""
    letters = "abcdefghijklmnopqrstuvwxyz"
    sources: dict[str, set[str]] = defaultdict(set)
    for word in words:
        splits = [(word[:i], word[i:]) for i in range(1, len(word) + 1)]
        edits = {a + b[1:] for a, b in splits if b}
        edits |= {a + b[1] + b[0] + b[2:] for a, b in splits if len(b) > 1}
        edits |= {a + c + b[1:] for a, b in splits if b for c in letters}
        edits |= {a + c + b for a, b in splits for c in letters}
        for edit in edits - set(words):
            sources[edit].add(word)
    return {typed: tuple(sorted(near)) for typed, near in sources.items() if len(near) > 1 and len(typed) > 2}


def _nearest(typed: str, words: list[str]) -> list[str]:
    def distance(word: str) -> tuple[int, str]:
        common = sum(typed.count(c) and 1 for c in set(word))
        return (abs(len(word) - len(typed)) - 2 * common + (word[0] != typed[0]), word)

    return sorted(words, key=distance)[:2]


_CASES = {
    "ambiguous_command": _ambiguous_command,
    "unclear_intent": _unclear_intent,
    "off_topic": _off_topic,
    "multiple_interpretations": _multiple_interpretations,
    "ambiguous_typo": _ambiguous_typo,
}
