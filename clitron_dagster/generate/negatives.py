"""Requests that name several units or none, and are answered with a question.

Five of seed 004's six negative cases (``missing_arg.py`` has the sixth). Each case is a bucket of
its own, so that no unit's rows depend on them.
"""

from __future__ import annotations

import re
from collections import Counter, defaultdict
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from random import Random

from clitron_dagster.generate import context as surroundings
from clitron_dagster.generate import lexicon
from clitron_dagster.generate import negative_words as pools
from clitron_dagster.generate.config import RawExamplesConfig
from clitron_dagster.generate.lexicon import word_set
from clitron_dagster.generate.replies import MAX_SUGGESTIONS, common_units, did_you_mean, reply
from clitron_dagster.generate.rows import Row, command_names, make_row, plain, stream
from clitron_dagster.generate.words import IMPERATIVES, first_word, mood, plural, spoken
from clitron_dagster.schema import Command, Schema, Unit


@dataclass(frozen=True)
class Ask:
    """A request, what is asked back, and the units that are offered."""

    text: str
    message: str
    units: list[Unit]
    group: str
    hidden: frozenset[str] = frozenset()  # facts that would answer the question


Maker = Callable[[Random], Ask]


def generate_case(
    schema: Schema, case: str, count: int, seed: int, config: RawExamplesConfig
) -> list[Row]:
    """Up to ``count`` rows of one of :data:`CASES`; none where the CLI has no such case."""
    make = CASES[case](schema)
    rows: list[Row] = []
    seen: set[str] = set()
    for attempt in range(count * 10 + 60 if make else 0):
        if len(rows) >= count or make is None:
            break
        rng = stream(seed, "negatives", case, attempt)
        ask = make(rng)
        facts = {}
        if schema.context and rng.random() < 0.5:
            facts = surroundings.sample_facts(schema, rng, set(), set(ask.hidden))
        text = " ".join(ask.text.split())
        if rng.random() < 0.2:
            text = text[:1].upper() + text[1:]
        key = f"{plain(text)} {bool(facts)}"
        if text and key not in seen:
            seen.add(key)
            unit = ask.units[0].key if len(ask.units) == 1 else ""
            answered = reply(ask.message, ask.units)
            kind, group = f"clarification:{case}", f"{case}|{ask.group}"
            rows.append(make_row(unit, kind, group, text, surroundings.nest(facts), answered))
    return rows


def _ambiguous_command(schema: Schema) -> Maker | None:
    groups = [(group, _open_forms(schema, group)) for group in _groups(schema.commands)]
    if not groups:
        return None

    def make(rng: Random) -> Ask:
        group, forms = rng.choice(groups)
        units = common_units([u for u in schema.units if group in u.parents])
        name = spoken(rng.choice((group.name, group.name, *group.aliases)))
        form = rng.choice(forms)
        text = form.format(g=name, gs=plural(name), cli=schema.cli_name)
        return Ask(
            text, f"What do you want to do with {group.name}?", units, f"{group.name}|{form}"
        )

    return make


def _open_forms(schema: Schema, group: Command) -> tuple[str, ...]:
    """Ways to name the group and nothing else; only vague ones where its bare name is a request
    (``stash``)."""
    said = {
        text.lower().strip(" .?!")
        for unit in schema.units
        if group in unit.parents
        for text in (*unit.node.natural_language, *(e.request for e in unit.node.examples))
    }
    bare = {group.name, f"{schema.cli_name} {group.name}", *group.aliases}
    bare |= {f"{group.name} {word}" for word in ("everything", "my changes", "it", "this")}
    return pools.GROUP_VAGUE if said & bare else pools.GROUP_VAGUE + pools.GROUP_ALONE


def _groups(commands: tuple[Command, ...]) -> Iterator[Command]:
    for command in commands:
        if command.subcommands:
            yield command
            yield from _groups(command.subcommands)


def _unclear_intent(schema: Schema) -> Maker:
    units = common_units(schema.units)[:MAX_SUGGESTIONS]
    names = command_names(schema)
    texts = [text for text in pools.UNCLEAR if text not in names]

    def make(rng: Random) -> Ask:
        text = rng.choice(texts)
        opener, closer = rng.choice(pools.UNCLEAR_OPENERS), rng.choice(pools.UNCLEAR_CLOSERS)
        order = mood(text) == "order" and len(text.split()) > 1
        if not order and opener.strip() in ("please", "can you", "just"):
            opener = ""
        if not order and closer.strip() in ("now", "asap", "please", "pls", "thanks", "?"):
            closer = ""
        if closer == "?" and opener != "can you ":
            closer = ""
        return Ask(f"{opener}{text}{closer}", "What do you want to do?", units, text)

    return make


def _off_topic(schema: Schema) -> Maker:
    known = {schema.cli_name, *command_names(schema)}
    patterns = [text for tool, text in pools.OFF_TOPIC if tool not in known]

    def make(rng: Random) -> Ask:
        pattern = rng.choice(patterns)
        text = re.sub(r"\{(\w+)\}", lambda m: rng.choice(pools.FILLERS[m[1]]), pattern)
        asks = first_word(text) in lexicon.QUESTION_WORDS
        opener = rng.choice(pools.ASK_OPENERS if asks else pools.ORDER_OPENERS)
        if text.split()[1:2] == ["me"] and opener.startswith(("help", "i want")):
            opener = ""
        closer = rng.choice(("", "", "", "", "?" if asks else " please"))
        message = f"I can only help with {schema.cli_name}."
        return Ask(opener + text + closer, message, [], pattern)

    return make


def _multiple_interpretations(schema: Schema) -> Maker | None:
    shared = _shared_verbs(schema)
    pairs = _similar_pairs(schema)
    if not shared and not pairs:
        return None
    known = {
        unit.key: surroundings.keys_of(surroundings.references(schema, unit))
        for unit in schema.units
    }

    def make(rng: Random) -> Ask:
        if shared and (not pairs or rng.random() < 0.6):
            verb = rng.choice(sorted(shared))
            units = shared[verb][:MAX_SUGGESTIONS]
            form = rng.choice(pools.SHARED_VERB)
            hidden = frozenset(key for unit in shared[verb] for key in known[unit.key])
            return Ask(form.format(v=verb), did_you_mean(units), units, f"{verb}|{form}", hidden)
        one, other = rng.choice(pairs)
        form = rng.choice(pools.EITHER)
        first, second = rng.sample([one, other], 2)
        a, b = (" ".join(spoken(name) for name in unit.path) for unit in (first, second))
        text = form.format(a=a, b=b)
        hidden = frozenset(known[one.key] | known[other.key])
        return Ask(
            text, did_you_mean([one, other]), [one, other], f"{one.key}|{other.key}|{form}", hidden
        )

    return make


def _shared_verbs(schema: Schema) -> dict[str, list[Unit]]:
    """Verbs with which requests for two or more units begin, and which are no command of their own;
    the units that use the verb most come first."""
    top = {command.name for command in schema.commands if not command.subcommands}
    found: dict[str, dict[str, int]] = defaultdict(dict)
    for unit in schema.units:
        texts = (*unit.node.natural_language, *(example.request for example in unit.node.examples))
        starts = Counter(first_word(text) for text in texts)
        if unit.parents:
            starts[unit.node.name] += 3
        for verb, times in starts.items():
            named = verb == unit.node.name
            near = verb in lexicon.VERBS.get(unit.node.name, ()) and times > 1
            if verb in lexicon.VERBS and verb not in top and (named or near or times > 2):
                found[verb][unit.key] = times + 10 * named
    return {
        verb: sorted((u for u in schema.units if u.key in uses), key=lambda u: -uses[u.key])
        for verb, uses in found.items()
        if len(uses) > 1
    }


def _similar_pairs(schema: Schema) -> list[tuple[Unit, Unit]]:
    """Units that people weigh against each other: both do something, and they share words."""
    words = {unit.key: _content_words(unit) for unit in schema.units}
    doing = [u for u in schema.units if u.node.name in IMPERATIVES]
    pairs = []
    for index, one in enumerate(doing):
        for other in doing[index + 1 :]:
            shared = len(words[one.key] & words[other.key])
            if one.parents == other.parents and (shared > 1 or one.parents):
                pairs.append((shared, one, other))
    pairs.sort(key=lambda item: -item[0])
    return [(one, other) for _, one, other in pairs[:50]]


def _content_words(unit: Unit) -> set[str]:
    text = " ".join((unit.node.description, *unit.node.natural_language)).lower()
    return set(re.findall(r"[a-z]{4,}", re.sub(r"\{.*?\}", "", text))) - _COMMON


_COMMON = word_set("""
    with from that this into make show your what have then them
""")


def _ambiguous_typo(schema: Schema) -> Maker | None:
    by_word: dict[str, list[Unit]] = defaultdict(list)
    for unit in schema.units:
        by_word[unit.node.name].append(unit)
    words = sorted(word for word in by_word if word.isalpha() and len(word) > 2)
    pairs = _near_pairs(words)
    if not pairs:
        return None

    def make(rng: Random) -> Ask:
        near = rng.choice(sorted(pairs))
        typed = rng.choice(pairs[near])
        units = [common_units(by_word[word])[0] for word in near]
        form = rng.choice(pools.TYPO_FORMS)
        text = form.format(t=typed, cli=schema.cli_name)
        return Ask(text, did_you_mean(units), units, f"typo|{typed}")

    return make


def _near_pairs(words: list[str]) -> dict[tuple[str, ...], list[str]]:
    """Pairs of command words, with what may have been meant as either: a slip away from both
    (``pul`` of pull and push is not, ``pulh`` is), or a beginning that just these two share."""
    sources: dict[str, set[str]] = defaultdict(set)
    for word in words:
        for edit in _slips(word) - set(words):
            if len(edit) > 2 and edit[0] == word[0]:
                sources[edit].add(word)
    for word in words:
        for length in range(2, len(word)):
            sources[word[:length]].update(w for w in words if w.startswith(word[:length]))
    pairs: dict[tuple[str, ...], list[str]] = defaultdict(list)
    for typed, near in sorted(sources.items()):
        if len(near) == 2 and typed not in words:
            pairs[tuple(sorted(near))].append(typed)
    return dict(pairs)


def _slips(word: str) -> set[str]:
    splits = [(word[:i], word[i:]) for i in range(1, len(word) + 1)]
    letters = "abcdefghijklmnopqrstuvwxyz"
    return (
        {a + b[1:] for a, b in splits if b}
        | {a + b[1] + b[0] + b[2:] for a, b in splits if len(b) > 1}
        | {a + c + b[1:] for a, b in splits if b for c in letters}
        | {a + c + b for a, b in splits for c in letters}
    )


CASES: dict[str, Callable[[Schema], Maker | None]] = {
    "ambiguous_command": _ambiguous_command,
    "unclear_intent": _unclear_intent,
    "off_topic": _off_topic,
    "multiple_interpretations": _multiple_interpretations,
    "ambiguous_typo": _ambiguous_typo,
}
