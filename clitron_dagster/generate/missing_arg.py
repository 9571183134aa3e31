"""Requests for a unit that leave out a required value, or say "this" where nothing tells which."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import replace

from clitron_dagster.generate import context as surroundings
from clitron_dagster.generate import lexicon
from clitron_dagster.generate.config import RawExamplesConfig
from clitron_dagster.generate.fill import fill, reveal
from clitron_dagster.generate.phrases import Phrase
from clitron_dagster.generate.replies import reply
from clitron_dagster.generate.rows import Row, make_row, plain, stream
from clitron_dagster.generate.slots import SLOT, slot_of
from clitron_dagster.generate.surface import dress
from clitron_dagster.generate.words import asked_for, first_word
from clitron_dagster.generate.workshop import Draft, Workshop
from clitron_dagster.schema import Arg, Schema, Unit
from clitron_dagster.schema.semantics import FREE_TEXT


def generate_missing_arg(
    schema: Schema, unit: Unit, count: int, seed: int, config: RawExamplesConfig
) -> list[Row]:
    """Up to ``count`` requests for the unit that do not say what it should act on."""
    shop = Workshop(schema, unit, config)
    ways = [way for way in (_left_out(shop), _unresolved(shop)) if way]
    rows: list[Row] = []
    seen: set[str] = set()
    attempt = 0
    while ways and len(rows) < count and attempt < count * 8 + 60:
        rng = stream(seed, unit.key, "missing_arg", attempt)
        attempt += 1
        phrase, arg, referring = rng.choice(rng.choice(ways))
        known = arg.name in shop.references
        text = surroundings.refer(phrase.text, unit, arg, rng, known) if referring else phrase.text
        if text is None:
            continue
        draft = Draft(phrase, text, {}, [])
        for name in phrase.slots():
            if name != arg.name:
                draft.values[name] = shop.value(name, rng, draft)
        values = draft.values
        filled = fill(text, unit, values, rng, config.number_word_rate)
        if SLOT.search(filled.text) and slot_of(arg.name) in filled.text:
            continue
        avoid, typo = shop.avoid, rng.random() < config.typo_rate
        worded = dress(filled.text, rng, avoid=avoid, open_ended=filled.open_ended, typo=typo,
                       reads=unit.node.effect == "read", commands=shop.verbs)  # fmt: skip
        link = shop.references.get(arg.name) or phrase.bound.get(arg.name) or ()
        hidden = {part for part in link if part[0] != "="}
        facts = {}
        if schema.context and rng.random() < 0.5:
            facts = surroundings.sample_facts(schema, rng, set(), hidden)
        row = make_row(unit.key, "clarification:missing_arg", f"{unit.key}|{phrase.text}",
                       reveal(worded, filled.spelled), surroundings.nest(facts),
                       reply(asked_for(unit, arg), [unit]))  # fmt: skip
        key = f"{plain(row['instruction'])} {row['context']}"
        if key not in seen:
            seen.add(key)
            rows.append(row)
    return rows


def has_target(schema: Schema, unit: Unit) -> bool:
    """Whether the unit acts on something that a request may fail to name (rarely an option)."""
    pointed = surroundings.references(schema, unit)
    return any(arg.required or (arg.positional and arg.name in pointed) for arg in unit.args)


_Way = tuple[Phrase, Arg, bool]


def _left_out(shop: Workshop) -> list[_Way]:
    """Phrases without their first required value: ``delete branch``, ``rename to x`` never."""
    found = []
    required = [arg for arg in shop.unit.args if arg.required]
    if not required:
        return []
    arg = required[0]
    for phrase in _all_phrases(shop):
        if not phrase.slots() and not phrase.args and not phrase.bound:
            if phrase.origin != "author":
                found.append((phrase, arg, False))
        elif phrase.slots() == [arg.name]:
            text = strip_slot(phrase.text, arg.name)
            if text:
                found.append((Phrase(text, phrase.origin, phrase.args, phrase.flags), arg, False))
    return found


def _unresolved(shop: Workshop) -> list[_Way]:
    """Phrases that can say "this pull request": the context does not tell which one."""
    wanted = {**{arg.name: arg for arg in shop.unit.args if arg.required}}
    if shop.unit.node.name in lexicon.CREATING:
        wanted = {}  # nobody creates "this label"
    wanted = {n: a for n, a in wanted.items() if a.semantic not in FREE_TEXT and a.type != "enum"}
    wanted |= {name: arg for name in shop.references if (arg := shop.unit.arg(name))}
    found: list[_Way] = []
    for phrase in _all_phrases(shop):
        for name in phrase.slots():
            if name in wanted and f"{{{name}#" not in phrase.text and len(phrase.slots()) <= 2:
                found.append((phrase, wanted[name], True))
        for name in phrase.bound:
            if (arg := shop.unit.arg(name)) and not phrase.slots() and _points(phrase.text):
                found += [(phrase, arg, False)] * 2
    bare = [p for p in _all_phrases(shop) if p.origin == "natural" and not p.slots()]
    for phrase, (clause, arg) in zip(bare[:3], _pointing_clauses(shop), strict=False):
        found.append((replace(phrase, text=f"{phrase.text} {clause}"), arg, True))
    return found


def _pointing_clauses(shop: Workshop) -> list[tuple[str, Arg]]:
    """``in {repo}``: options that can be asked for with "this"."""
    return [
        (clause, arg)
        for name in shop.references
        if (arg := shop.unit.arg(name)) and not arg.positional
        for clause in shop.clauses[name]
        if first_word(clause) in lexicon.PREPOSITIONS
    ]


def _points(text: str) -> bool:
    return bool(re.search(r"\b(this|current|it|here|that)\b", text.lower()))


def _all_phrases(shop: Workshop) -> Iterator[Phrase]:
    """All but the command line's own wording, in which nobody says "this branch"."""
    for origin, phrases in shop.phrases.items():
        if origin != "typed":
            yield from phrases


_LEADS = (
    r"(?:\b(?:called|named|to|from|for|in|of|on|with|at|by|number|saying|the|is|as|into|about)"
    r"|[:#@'\"])"
)


def strip_slot(text: str, name: str) -> str:
    """``delete the {branch} branch`` → ``delete the branch``; empty when too little is left."""
    slot = r"['\"]?#?@?\{" + re.escape(name) + r"\}['\"]?"
    match = re.fullmatch(rf"(.*?)\s*{slot}", text)
    if match:
        head = match[1]
        while (shorter := re.sub(rf"\s*{_LEADS}$", "", head)) != head:
            head = shorter
        return head if head.strip() and not SLOT.search(head) else ""
    match = re.fullmatch(rf"(.*\bthe) {slot} (\w+)", text)
    return f"{match[1]} {match[2]}" if match else ""
