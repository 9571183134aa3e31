"""Decide what a request says and means: where it starts from, options, values and context."""

from __future__ import annotations

import re
from collections import Counter
from dataclasses import dataclass, field, replace
from random import Random
from typing import Any

from clitron_dagster.generate import clauses, lexicon, value_kinds, values
from clitron_dagster.generate import context as surroundings
from clitron_dagster.generate.config import RawExamplesConfig
from clitron_dagster.generate.phrases import Phrase, phrases_of
from clitron_dagster.generate.rows import command_names, items_of
from clitron_dagster.generate.words import options_of
from clitron_dagster.schema import Arg, Schema, Unit

# Shares of what a request starts from, beside author_share; RICH where an author wrote plenty.
_SHARES_POOR = {"natural": 0.42, "words": 0.30, "description": 0.08, "typed": 0.06}
_SHARES_RICH = {"natural": 0.55, "words": 0.06, "description": 0.01, "typed": 0.04}
_PLENTY = 5  # phrases and examples
_OPTIONS = ((0, 1, 2, 3), (44, 34, 17, 5))  # how many more options, and how often (%)


@dataclass
class Draft:
    """What a request will say and mean, before it is worded."""

    base: Phrase
    text: str
    values: dict[str, Any]
    flags: list[str]
    clauses: list[tuple[str, str]] = field(default_factory=list)  # (option, template)
    facts: dict[str, Any] = field(default_factory=dict)

    def without_last_clause(self) -> Draft:
        option, _ = self.clauses[-1]
        kept = {name: value for name, value in self.values.items() if name != option}
        flags = [flag for flag in self.flags if flag != option]
        return replace(self, clauses=self.clauses[:-1], values=kept, flags=flags)

    def template(self, rng: Random) -> str:
        return clauses.join(self.text, [text for _, text in self.clauses], rng)


class Workshop:
    """Everything about a unit that its rows share: phrases, clauses, weights."""

    def __init__(self, schema: Schema, unit: Unit, config: RawExamplesConfig):
        self.schema, self.unit, self.config = schema, unit, config
        self.names = command_names(schema)
        self.phrases = phrases_of(schema, unit, self.names)
        self.verbs = frozenset(u.node.name for u in schema.units if u.node.effect != "read")
        self.verbs -= lexicon.THING_HEADS
        self.avoid = self.names - set(unit.path)
        self.references = surroundings.references(schema, unit)
        self.clauses: dict[str, tuple[str, ...]] = {
            **{arg.name: clauses.arg_clauses(unit, arg) for arg in unit.args},
            **{flag.name: clauses.flag_clauses(unit, flag) for flag in unit.flags},
        }
        self.weights = self._option_weights()
        self.used: Counter[str] = Counter()

    def _option_weights(self) -> dict[str, float]:
        shown = Counter(name for e in self.unit.node.examples for name in (*e.args, *e.flags))
        weights = {}
        for option in options_of(self.unit):
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
            draft.values[name] = self.value(name, rng, draft)
        for name in base.bound:
            draft.values[name] = None  # comes with the facts
        self._add_options(draft, rng)
        if facts_wanted:
            self._add_surroundings(draft, rng)
        return draft

    def _choose_base(self, rng: Random) -> Phrase | None:
        written = len(self.phrases.get("natural", ())) + len(self.phrases.get("author", ()))
        usual = _SHARES_RICH if written >= _PLENTY else _SHARES_POOR
        shares = {name: usual.get(name, self.config.author_share) for name in self.phrases}
        if not shares:
            return None
        phrases = self.phrases[rng.choices(list(shares), list(shares.values()))[0]]
        return rng.choice(phrases)

    def value(self, name: str, rng: Random, draft: Draft) -> Any:
        """A value that no other argument of the draft has; of the author's look, or of the kind
        that the words around its slot say (``tag {object}``)."""
        arg = self.unit.arg(name)
        assert arg is not None
        base = draft.base
        like: Any = base.like.get(name)
        others = [item for value in draft.values.values() for item in items_of(value)]
        if f"{{{name}~" in base.text:
            return values.with_other_parts(arg.semantic, like, rng)
        hint = _hinted(base.text, arg)

        def one(first: Any = None) -> Any:
            for _ in range(6):
                value = (
                    value_kinds.of_semantic(hint, rng) if hint else values.sample(arg, rng, first)
                )
                if value not in others or arg.type in ("enum", "boolean"):
                    break
            return value

        if not arg.repeatable:
            return one(like)
        fixed = f"{{{name}#" in base.text
        size = len(like) if fixed else rng.choices((1, 2, 3), (62, 28, 10))[0]
        items = [one(like[0] if like else None) for _ in range(size)]
        return items if fixed else list(dict.fromkeys(items))

    def _add_surroundings(self, draft: Draft, rng: Random) -> None:
        """Facts around the request, and sometimes a reference to one of them instead of a value."""
        bound = dict(draft.base.bound)
        spoken_of = [*draft.base.slots(), *(option for option, _ in draft.clauses)]
        candidates = [n for n in spoken_of if n in self.references and n not in bound]
        if draft.base.origin == "typed":
            candidates = []
        if candidates and not bound and rng.random() < self.config.reference_rate:
            name = rng.choice(candidates)
            if self._refer(draft, name, rng):
                bound[name] = self.references[name]
        needed = surroundings.keys_of(bound)
        draft.facts = surroundings.sample_facts(self.schema, rng, needed, set())
        for name, link in bound.items():
            arg = self.unit.arg(name)
            assert arg is not None
            draft.values[name] = surroundings.resolve(arg, link, draft.facts)

    def _refer(self, draft: Draft, name: str, rng: Random) -> bool:
        arg = self.unit.arg(name)
        assert arg is not None
        if name in draft.base.slots():
            text = surroundings.refer(draft.text, self.unit, arg, rng)
            draft.text = text or draft.text
            return text is not None
        index = [option for option, _ in draft.clauses].index(name)
        clause = surroundings.refer(draft.clauses[index][1], self.unit, arg, rng)
        if clause is None or " it" in f" {clause}":
            return False
        draft.clauses[index] = (name, clause)
        return True

    def _add_options(self, draft: Draft, rng: Random) -> None:
        for arg in self.unit.args:
            if arg.required and arg.name not in draft.values:
                self._add(draft, arg.name, rng)
        needed = len(draft.clauses)
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
        added = draft.clauses[needed:]
        rng.shuffle(added)
        draft.clauses[needed:] = added

    def _open_options(self, draft: Draft) -> dict[str, float]:
        """Options that may still be added, with their weights (rarely used ones gain)."""
        taken = {*draft.values, *draft.flags}
        banned: set[str] = set()
        for option in options_of(self.unit):
            if option.name in taken:
                banned.update(option.conflicts)
            elif taken & set(option.conflicts):
                banned.add(option.name)
        first = self.unit.positionals[0].name if self.unit.positionals else ""
        if re.search(r"\b(my|mine|this|it|that|me)\b", draft.text):
            banned.add(first)  # it is said already what is meant
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
            draft.values[name] = self.value(name, rng, draft)
        else:
            draft.flags.append(name)
        draft.clauses.append((name, text))


_HINT = (
    r"\b(branch|tag|commit|file|folder|directory|stash|release|hash)(?: called| named)? #?\{%s\}"
    r"|\{%s\} (branch|tag|commit)\b"
)


def _hinted(text: str, arg: Arg) -> str | None:
    """Kind that the words next to a slot name, for arguments that take several kinds."""
    if arg.semantic not in ("ref", "commit") or arg.type != "string":
        return None
    match = re.search(_HINT % (re.escape(arg.name), re.escape(arg.name)), text)
    word = (match[1] or match[2]) if match else ""
    return {
        "branch": "branch",
        "tag": "tag",
        "release": "tag",
        "commit": "commit",
        "hash": "commit",
    }.get(word)
