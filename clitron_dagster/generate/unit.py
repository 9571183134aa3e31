"""Requests for one unit, each with its answer.

Row number *i* of a unit comes from its own random stream, so that asking for more rows appends some
and changes none, and no unit's rows depend on what another unit's entry says (only on the names of
the CLI's commands, which must not be used as synonyms).
"""

from __future__ import annotations

import hashlib
from collections import Counter
from dataclasses import dataclass, field, replace
from random import Random
from typing import Any

from clitron_dagster import answer
from clitron_dagster.generate import clauses, values
from clitron_dagster.generate import context as surroundings
from clitron_dagster.generate.config import RawExamplesConfig
from clitron_dagster.generate.fill import fill, reveal
from clitron_dagster.generate.phrases import SLOT, Phrase, phrases_of
from clitron_dagster.generate.surface import dress
from clitron_dagster.schema import Arg, Schema, Unit, digest

Row = dict[str, Any]
# Shares of what a request starts from, beside author_share; the second where an author wrote plenty.
_SHARES_POOR = {"natural": 0.42, "words": 0.30, "description": 0.08}
_SHARES_RICH = {"natural": 0.55, "words": 0.09, "description": 0.015}
_PLENTY = 5  # phrases and examples
_OPTIONS = ((0, 1, 2, 3), (44, 34, 17, 5))  # how many more options, and how often (%)
_TRIES = 14  # draws for a row, before the unit counts as exhausted


@dataclass
class Draft:
    """What a request will say and mean, before it is worded."""

    base: Phrase
    text: str
    values: dict[str, Any]
    flags: list[str]
    clauses: list[tuple[str, str]] = field(default_factory=list)  # (option, template)
    joiner: str = " "
    facts: dict[str, Any] = field(default_factory=dict)

    def without_last_clause(self) -> Draft:
        option, _ = self.clauses[-1]
        kept = {name: value for name, value in self.values.items() if name != option}
        flags = [flag for flag in self.flags if flag != option]
        return replace(self, clauses=self.clauses[:-1], values=kept, flags=flags)

    @property
    def template(self) -> str:
        return clauses.join(self.text, [text for _, text in self.clauses], self.joiner)


class Workshop:
    """Everything about a unit that its rows share: phrases, clauses, weights."""

    def __init__(self, schema: Schema, unit: Unit, config: RawExamplesConfig):
        self.schema, self.unit, self.config = schema, unit, config
        self.names = command_names(schema)
        self.phrases = phrases_of(schema, unit, self.names)
        self.avoid = self.names - set(unit.path)
        self.references = surroundings.references(schema, unit)
        self.clauses: dict[str, tuple[str, ...]] = {
            **{arg.name: clauses.arg_clauses(unit, arg) for arg in unit.args},
            **{flag.name: clauses.flag_clauses(unit, flag) for flag in unit.flags},
        }
        self.weights = self._option_weights()
        self.used: Counter[str] = Counter()
        self.exact = [p for p in zip(unit.node.examples, self.phrases.get("author", []), strict=True)]

    def _option_weights(self) -> dict[str, float]:
        shown = Counter(name for e in self.unit.node.examples for name in (*e.args, *e.flags))
        weights = {}
        for option in (*self.unit.args, *self.unit.flags):
            if self.clauses[option.name]:
                base = 1.0 if option.natural_language else 0.16
                weights[option.name] = base + 0.5 * min(shown[option.name], 4)
        return weights

    # -- choosing -----------------------------------------------------------------------------

    def draft(self, rng: Random, facts_wanted: bool) -> Draft | None:
        base = self._choose_base(rng)
        if base is None:
            return None
        draft = Draft(base, base.text, dict(base.args), list(base.flags))
        if (base.bound or base.context) and not facts_wanted:
            return None
        for name in base.slots():
            draft.values[name] = self._value(name, rng, base)
        if facts_wanted:
            self._add_surroundings(draft, rng)
        self._add_options(draft, rng)
        return draft

    def _choose_base(self, rng: Random) -> Phrase | None:
        written = len(self.phrases.get("natural", ())) + len(self.phrases.get("author", ()))
        usual = _SHARES_RICH if written >= _PLENTY else _SHARES_POOR
        shares = {name: usual.get(name, self.config.author_share) for name in self.phrases}
        if not shares:
            return None
        phrases = self.phrases[rng.choices(list(shares), list(shares.values()))[0]]
        return rng.choice(phrases)

    def _value(self, name: str, rng: Random, base: Phrase | None = None) -> Any:
        arg = self.unit.arg(name)
        assert arg is not None
        like = base.like.get(name) if base else None
        if not arg.repeatable:
            return values.sample(arg, rng, like)
        fixed = base is not None and "{%s#" % name in base.text
        size = len(like) if fixed else rng.choices((1, 2, 3), (62, 28, 10))[0]
        first = like[0] if like else None
        items = [values.sample(arg, rng, first) for _ in range(size)]
        return items if fixed else list(dict.fromkeys(items))

    def _add_surroundings(self, draft: Draft, rng: Random) -> None:
        """Facts around the request, and sometimes a reference to one of them instead of a value."""
        bound = dict(draft.base.bound)
        candidates = [n for n in draft.base.slots() if n in self.references and n not in bound]
        if candidates and not bound and rng.random() < self.config.reference_rate:
            name = rng.choice(candidates)
            arg = self.unit.arg(name)
            if arg is not None:
                draft.text = surroundings.refer(draft.text, self.unit, arg, rng)
                bound[name] = self.references[name]
        needed = surroundings.keys_of(bound)
        draft.facts = surroundings.sample_facts(self.schema, rng, needed, set())
        for name, link in bound.items():
            arg = self.unit.arg(name)
            assert arg is not None
            draft.values[name] = surroundings.resolve(arg, link, draft.facts)

    def _add_options(self, draft: Draft, rng: Random) -> None:
        for arg in self.unit.args:
            if arg.required and arg.name not in draft.values:
                self._add(draft, arg.name, rng)
        wanted = rng.choices(*_OPTIONS)[0]
        wanted -= len(draft.base.flags) + len(draft.base.args) + max(len(draft.base.slots()) - 1, 0)
        if draft.base.origin == "author" and rng.random() < 0.6:
            wanted = 0
        for _ in range(max(wanted, 0)):
            open_options = self._open_options(draft)
            if not open_options:
                break
            chosen = rng.choices(list(open_options), list(open_options.values()))[0]
            self._add(draft, chosen, rng)
        rng.shuffle(draft.clauses)
        draft.joiner = rng.choices((" ", " and ", ", "), (72, 16, 12))[0]

    def _open_options(self, draft: Draft) -> dict[str, float]:
        """Options that may still be added, with their weights (rarely used ones gain)."""
        taken = {*draft.values, *draft.flags}
        banned = set()
        for option in (*self.unit.args, *self.unit.flags):
            if option.name in taken:
                banned.update(option.conflicts)
            elif taken & set(option.conflicts):
                banned.add(option.name)
        return {
            name: weight / (1 + self.used[name] * 0.25 / weight)
            for name, weight in self.weights.items()
            if name not in taken and name not in banned and self._reachable(name, taken)
        }

    def _reachable(self, name: str, taken: set[str]) -> bool:
        """Whether what it needs beside it is there (positionals need those in front of them)."""
        arg = self.unit.arg(name)
        option = arg or self.unit.flag(name)
        if option is None or not set(option.requires) <= taken:
            return False
        if arg is None or not arg.positional or arg.separator:
            return True
        in_front = [a for a in self.unit.positionals if not a.separator]
        return all(a.name in taken for a in in_front[: in_front.index(arg)])

    def _add(self, draft: Draft, name: str, rng: Random) -> None:
        templates = self.clauses[name]
        self.used[name] += 1
        if not templates:
            return
        text = rng.choice(templates)
        if self.unit.arg(name) is not None:
            draft.values[name] = self._value(name, rng)
        else:
            draft.flags.append(name)
        draft.clauses.append((name, text))

    # -- wording ------------------------------------------------------------------------------

    def row(self, draft: Draft, rng: Random) -> Row:
        config = self.config
        filled = fill(draft.template, self.unit, draft.values, rng, config.number_word_rate)
        text = dress(
            filled.text,
            rng,
            avoid=self.avoid,
            open_ended=filled.open_ended,
            typo=rng.random() < config.typo_rate,
            plain=draft.base.origin == "author" and rng.random() < 0.35,
            commands=self.names,
        )
        return self.finish(reveal(text, filled.spelled), draft, draft.base.text)

    def exact_row(self, index: int, rng: Random, facts_wanted: bool) -> Row | None:
        """The author's example as it stands (its own context, or an irrelevant one)."""
        example, phrase = self.exact[index]
        if example.context is not None:
            facts = surroundings.flatten(self.schema, example.context)
        elif facts_wanted:
            facts = surroundings.sample_facts(self.schema, rng, set(), set())
        else:
            facts = {}
        draft = Draft(phrase, phrase.text, dict(example.args), list(example.flags), facts=facts)
        return self.finish(example.request, draft, phrase.text)

    def literal_row(self, draft: Draft, rng: Random) -> Row | None:
        """The command line itself, which people do type: ``git push --force``."""
        if draft.base.bound or draft.facts and draft.text != draft.base.text:
            return None
        reply = answer.command_answer(self.schema, self.unit, draft.values, draft.flags)
        if answer.problems(self.schema, reply):
            return None
        argv = answer.to_argv(self.schema, reply) or []
        if rng.random() < 0.5:
            argv = self._shortened(argv)
        line = answer.to_shell(argv[1:] if rng.random() < 0.4 else argv)
        if any(str(item) not in line for value in draft.values.values() for item in _items(value)):
            return None  # shell quoting changed a value
        line = rng.choice(("", "", "", "run ", "do ")) + line
        return self.finish(line, draft, "literal")

    def _shortened(self, argv: list[str]) -> list[str]:
        shorts = {f"--{o.name}": f"-{o.short}" for o in (*self.unit.args, *self.unit.flags) if o.short}
        end = argv.index("--") if "--" in argv else len(argv)
        return [shorts.get(word, word) if at < end else word for at, word in enumerate(argv)]

    def finish(self, text: str, draft: Draft, group: str) -> Row:
        reply = answer.command_answer(self.schema, self.unit, draft.values, draft.flags)
        context = surroundings.nest(draft.facts)
        return make_row(self.unit.key, "command", f"{self.unit.key}|{group}", text, context, reply)


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
    misses = attempt = 0
    while len(rows) < count and misses < 60 + _TRIES:
        rng = stream(seed, unit.key, attempt)
        wanted = _spread(attempt, share, seed)
        new = _attempt(shop, attempt, rng, wanted)
        attempt += 1
        fresh = [row for row in new if row["id"] not in seen and row["instruction"]]
        misses = 0 if fresh else misses + 1
        seen.update(row["id"] for row in fresh)
        rows += fresh
    return rows[:count]


def _attempt(shop: Workshop, attempt: int, rng: Random, facts_wanted: bool) -> list[Row]:
    if attempt < len(shop.exact):
        row = shop.exact_row(attempt, rng, facts_wanted)
        return [row] if row else []
    for _ in range(_TRIES):
        draft = shop.draft(rng, facts_wanted)
        if draft is None:
            continue
        if rng.random() < shop.config.literal_rate:
            literal = shop.literal_row(draft, rng)
            return [literal] if literal else []
        rows = [shop.row(draft, rng)]
        if draft.clauses and rng.random() < shop.config.contrast_rate:
            less = draft.without_last_clause()
            if _stands_alone(shop.unit, less):
                rows.append(shop.row(less, rng))
        return rows
    return []


def _stands_alone(unit: Unit, draft: Draft) -> bool:
    """Whether the shorter request is still whole: nothing required went away."""
    given = {*draft.values, *draft.flags}
    needed = {arg.name for arg in unit.args if arg.required}
    for option in (*unit.args, *unit.flags):
        if option.name in given:
            needed.update(option.requires)
    in_front = [arg.name in given for arg in unit.positionals if not arg.separator]
    return needed <= given and in_front == sorted(in_front, reverse=True)


def _items(value: Any) -> list[Any]:
    if isinstance(value, bool):
        return []
    return value if isinstance(value, list) else [value]


def _spread(index: int, share: float, seed: int) -> bool:
    """Whether row ``index`` is among ``share`` of the rows, spread evenly over them."""
    offset = (seed % 7) / 7
    return int((index + 1) * share + offset) > int(index * share + offset)


def stream(seed: int, *names: object) -> Random:
    """A random stream of its own for (seed, names), the same on every machine."""
    text = "\0".join(str(name) for name in (seed, *names))
    return Random(int.from_bytes(hashlib.blake2b(text.encode(), digest_size=8).digest(), "big"))


def command_names(schema: Schema) -> frozenset[str]:
    """Single words that name a command anywhere in the CLI."""
    return frozenset(
        word for unit in schema.units for name in unit.path for word in (name, *name.split("-"))
    )


def make_row(
    unit: str, kind: str, group: str, text: str, context: dict[str, Any] | None, reply: answer.Answer
) -> Row:
    output = answer.canonical(reply)
    return {
        "id": digest([text, context, output]),
        "unit": unit,
        "kind": kind,
        "source": "offline",
        "group": digest(group),
        "instruction": text,
        "context": context,
        "output": output,
    }


def needs(unit: Unit) -> list[Arg]:
    """Arguments that a request for this unit has to name."""
    return [arg for arg in unit.args if arg.required]


__all__ = ["SLOT", "Row", "Workshop", "command_names", "generate_unit", "make_row", "stream"]
