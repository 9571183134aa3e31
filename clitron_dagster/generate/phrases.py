"""What a unit's request can start from: the author's examples, the author's phrases, its own names.

A :class:`Phrase` is text with ``{arg}`` slots, plus the options that the words imply.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from typing import Any

from clitron_dagster.generate import lexicon, values
from clitron_dagster.generate.clauses import is_request
from clitron_dagster.generate.context import Bound, bind, flatten
from clitron_dagster.generate.slots import SLOT, hide_braces, slot_name, slot_of
from clitron_dagster.generate.value_words import NUMBER_WORDS
from clitron_dagster.generate.words import (
    NOUNS,
    from_description,
    nouns_of_unit,
    plural,
    sibling_words,
    spoken,
    with_article,
)
from clitron_dagster.schema import Arg, Example, Schema, Unit

_EDGE_BEFORE, _EDGE_AFTER = r"(?<![\w.~^@/-])", r"(?![\w~^/@-]|\.\w)"


@dataclass(frozen=True)
class Phrase:
    """A request's beginning. ``like`` holds the author's values, so that substitutes look alike."""

    text: str
    origin: str  # author | natural | words | typed | description
    args: dict[str, Any] = field(default_factory=dict)  # implied without being named
    flags: tuple[str, ...] = ()
    like: dict[str, Any] = field(default_factory=dict)
    bound: dict[str, Bound] = field(default_factory=dict)  # values that come from the context
    context: dict[str, Any] | None = None

    def slots(self) -> list[str]:
        """Names of the arguments in the text; ``{files#1}`` is an item, ``{commit~1}`` a part."""
        return list(dict.fromkeys(slot_name(slot) for slot in SLOT.findall(self.text)))


def phrases_of(schema: Schema, unit: Unit, names: frozenset[str]) -> dict[str, list[Phrase]]:
    """The unit's phrases by origin. ``names`` are the CLI's command names (see `sibling_words`)."""
    found = {
        "author": [author_phrase(schema, unit, example) for example in unit.node.examples],
        "natural": list(_natural(unit)),
        "words": list(_from_names(unit, sibling_words(unit, names))),
        "typed": list(_as_typed(schema, unit)),
        "description": list(_from_description(unit)),
    }
    return {origin: phrases for origin, phrases in found.items() if phrases}


# -- the author's examples ------------------------------------------------------------------------


def author_phrase(schema: Schema, unit: Unit, example: Example) -> Phrase:
    """The example with each value that it names literally turned into a slot."""
    text, implied, like = hide_braces(example.request), {}, {}
    bound: dict[str, Bound] = {}
    facts = flatten(schema, example.context)
    given = [(unit.arg(name), value) for name, value in example.args.items()]
    for arg, value in sorted(given, key=lambda pair: -len(str(pair[1]))):
        assert arg is not None  # the loader refuses examples with unknown arguments
        slotted = _put_slot(text, arg, value) or _put_parts(text, arg, value)
        if slotted:
            text, like[arg.name] = slotted, value
        elif link := bind(facts, value):
            bound[arg.name] = link
        else:
            implied[arg.name] = value
    return Phrase(text, "author", implied, tuple(example.flags), like, bound, example.context)


def _put_slot(text: str, arg: Arg, value: Any) -> str | None:
    slot = slot_of(arg.name)
    if arg.type == "boolean":
        return None
    if not isinstance(value, list):
        return _replace(text, arg, value, slot)
    words = "(?:,? and |, | )".join(re.escape(hide_braces(str(item))) for item in value)
    match = re.search(_EDGE_BEFORE + words + _EDGE_AFTER, text)
    if match and (len(value) > 1 or text.count(hide_braces(str(value[0]))) == 1):
        return text[: match.start()] + slot + text[match.end() :]
    for index, item in enumerate(value):
        changed = _replace(text, arg, item, slot_of(arg.name, f"#{index}"))
        if changed is None:
            return None
        text = changed
    return text


def _put_parts(text: str, arg: Arg, value: Any) -> str | None:
    """``squash my last 3 commits`` (HEAD~3) → ``squash my last {upstream~1} commits``."""
    if isinstance(value, list):
        return None
    named = values.parts(arg.semantic, value)
    for index, part in enumerate(named, start=1):
        spellings = [part, NUMBER_WORDS[int(part)]] if part.isdigit() and int(part) < 16 else [part]
        hits = [
            m
            for s in spellings
            for m in re.finditer(_EDGE_BEFORE + re.escape(s) + _EDGE_AFTER, text)
        ]
        if len(hits) != 1:
            return None
        text = text[: hits[0].start()] + slot_of(arg.name, f"~{index}") + text[hits[0].end() :]
    return text if named else None


def _replace(text: str, arg: Arg, value: Any, slot: str) -> str | None:
    shown = hide_braces(str(value))
    spellings = [shown]
    if arg.type == "integer" and arg.semantic == "count" and 0 <= value < len(NUMBER_WORDS):
        spellings.append(NUMBER_WORDS[value])
    if arg.type == "enum":
        spellings.append(spoken(shown))
    for spelling in spellings:
        hits = list(re.finditer(_EDGE_BEFORE + re.escape(spelling) + _EDGE_AFTER, text))
        if len(hits) == 1:
            return text[: hits[0].start()] + slot + text[hits[0].end() :]
        if hits:
            return None
    return None


# -- the author's phrases -------------------------------------------------------------------------


def _natural(unit: Unit) -> Iterator[Phrase]:
    names = {arg.name for arg in unit.args}
    for text in unit.node.natural_language:
        if all(slot in names for slot in SLOT.findall(text)):
            yield Phrase(text, "natural")
    for flag in unit.flags:
        for text in flag.natural_language:
            if is_request(unit, flag, text):
                yield Phrase(text, "natural", flags=(flag.name,))


def _from_description(unit: Unit) -> Iterator[Phrase]:
    text = from_description(unit.node.description)
    if text:
        yield Phrase(text, "description")


# -- names ----------------------------------------------------------------------------------------


def _target(unit: Unit) -> Arg | None:
    """The positional that a request is about: the first with a value that one can name, unless it
    stands behind one that may be left out."""
    for arg in unit.positionals:
        if arg.separator:
            continue
        if arg.type != "boolean":
            return arg
        if not arg.required:
            break
    return None


def _from_names(unit: Unit, siblings: frozenset[str]) -> Iterator[Phrase]:
    """Verb and noun, from the names: ``show the pull request {number}``."""
    target = _target(unit)
    texts: list[str] = []
    if unit.parents:
        for noun in nouns_of_unit(unit):
            texts += _verb_and_noun(unit, noun, target, siblings)
    else:
        texts += _single_command(unit, target, siblings)
    for text in dict.fromkeys(" ".join(text.split()) for text in texts):
        yield Phrase(text, "words")


def _as_typed(schema: Schema, unit: Unit) -> Iterator[Phrase]:
    """The command's own words, with or without the program's name: ``gh pr view {number}``."""
    target = _target(unit)
    paths = [" ".join(unit.path)] + [" ".join([*unit.path[:-1], a]) for a in unit.node.aliases]
    for path in paths:
        if target is None or not target.required:
            yield Phrase(path, "typed")
            yield Phrase(f"{schema.cli_name} {path}", "typed")
        if target is not None:
            yield Phrase(f"{path} {{{target.name}}}", "typed")
            yield Phrase(f"{schema.cli_name} {path} {{{target.name}}}", "typed")


def _synonyms(unit: Unit, siblings: frozenset[str]) -> list[str]:
    own = [spoken(name) for name in (unit.node.name, *unit.node.aliases)]
    others = [v for name in own for v in lexicon.VERBS.get(name, ())]
    return list(dict.fromkeys([*own, *(v for v in others if not set(v.split()) & siblings)]))


def _verb_and_noun(
    unit: Unit, noun: str, target: Arg | None, siblings: frozenset[str]
) -> list[str]:
    leaf = unit.node.name
    slot = slot_of(target.name) if target else ""
    needed = target is not None and target.required
    if leaf not in lexicon.VERBS and leaf not in lexicon.MORE_VERBS:
        word = spoken(leaf)
        if unit.node.effect != "read":
            return (
                [f"mark {noun} {slot} {word}", f"{noun} {slot} {word}"]
                if target
                else [f"{noun} {word}"]
            )
        texts = [
            f"{noun} {word}",
            f"show {noun} {word}",
            f"show me the {noun} {word}",
            f"check {noun} {word}",
        ]
        texts = [] if needed else texts
        return texts + (
            [f"{word} of {noun} {slot}", f"show {word} for {noun} {slot}"] if target else []
        )
    verbs = _synonyms(unit, siblings)
    many = plural(noun)
    if leaf in lexicon.LISTING:
        return [f"{v} {mine}{many}" for v in verbs for mine in ("", "the ", "my ")]
    if leaf in lexicon.CREATING:
        texts = [f"{v} {with_article(x)}" for v in verbs for x in (noun, f"new {noun}")] + [
            f"new {noun}"
        ]
        if target is None or target.semantic in ("message", "body"):
            return texts
        named = [f"{t} {c} {slot}" for t in texts for c in ("called", "named", "")]
        return named + ([] if needed else texts)
    texts = [] if needed else [f"{v} {det}{noun}" for v in verbs for det in ("the ", "")]
    if target is None:
        return texts
    texts += [f"{v} {noun} {slot}" for v in verbs]
    if target.semantic in (
        "branch",
        "name",
        "tag",
        "label",
        "workflow",
        "environment",
        "file",
        "key",
    ):
        texts += [f"{v} the {slot} {noun}" for v in verbs] + [f"{v} {noun} {slot}" for v in verbs]
    elif target.semantic in NOUNS or target.type == "integer":
        texts += [f"{verbs[0]} {slot}"]
    return texts


def _single_command(unit: Unit, target: Arg | None, siblings: frozenset[str]) -> Iterable[str]:
    leaf = unit.node.name
    slot = slot_of(target.name) if target else ""
    needed = target is not None and target.required
    if leaf in lexicon.VERBS or leaf in lexicon.MORE_VERBS:
        for verb in _synonyms(unit, siblings):
            if target is not None:
                noun = NOUNS.get(target.semantic, ("",))[0]
                yield from (f"{verb} {slot}", f"{verb} {noun} {slot}", f"{verb} the {noun} {slot}")
        if not needed:
            yield from (leaf, f"do a {leaf}", f"run {leaf}")
    elif not needed and unit.node.effect == "read":
        yield from (leaf, f"show {leaf}", f"show me the {leaf}", f"run {leaf}")
    elif not needed:
        yield from (leaf, f"run {leaf}")
