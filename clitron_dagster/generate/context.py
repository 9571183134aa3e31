"""The user's surroundings: sampling them, and values that a request takes from them ("this pr")."""

from __future__ import annotations

import re
from collections.abc import Mapping
from random import Random
from typing import Any

from clitron_dagster.generate import values
from clitron_dagster.generate.words import NOUNS, noun_of_arg, nouns_of_unit
from clitron_dagster.schema import Arg, Schema, Unit
from clitron_dagster.schema.model import ContextKey

# A value made of context facts: names of keys, and literal text between them (marked by "=").
Bound = tuple[str, ...]
_NUMBERS = frozenset("number count pr_number issue_number run_id port percent".split())
# "merge this branch" does not mean that the current branch is the argument.
_OTHER_BRANCH = frozenset(
    """merge rebase checkout switch cherry-pick rename create new diff branch reset restore pull
    fetch clone worktree log""".split()
)
_OTHER_END = frozenset("base onto into target upstream new to start-point newbase".split())


def flatten(schema: Schema, context: Mapping[str, Any] | None) -> dict[str, Any]:
    """Facts by dotted key, for the keys that the schema knows and that are set."""
    facts: dict[str, Any] = {}
    for key in schema.context if context else ():
        value: Any = context
        for part in key.split("."):
            value = value.get(part) if isinstance(value, Mapping) else None
        if value is not None and value != "":
            facts[key] = value
    return facts


def nest(facts: Mapping[str, Any]) -> dict[str, Any] | None:
    """``{"git.branch": x}`` → ``{"git": {"branch": x}}``; None when there are no facts."""
    context: dict[str, Any] = {}
    for key, value in facts.items():
        *parents, leaf = key.split(".")
        place = context
        for parent in parents:
            place = place.setdefault(parent, {})
        place[leaf] = value
    return context or None


def sample_facts(schema: Schema, rng: Random, needed: set[str], without: set[str]) -> dict[str, Any]:
    """A full (half of the time) or partial set of facts; never empty when there are keys to give."""
    keys = [key for key in schema.context if key not in without]
    chance = 1.0 if rng.random() < 0.5 else rng.choice((0.3, 0.5, 0.7))
    kept = [key for key in keys if key in needed or rng.random() < chance]
    if not kept and keys:
        kept = [rng.choice(keys)]
    return {key: _fact(key, schema.context[key], rng) for key in kept}


def _fact(key: str, spec: ContextKey, rng: Random) -> Any:
    leaf = key.rsplit(".", 1)[-1]
    if spec.semantic in _NUMBERS:
        return values.integer(spec.semantic, rng)
    if spec.semantic == "name" and "repo" in leaf:
        return values.of_semantic("project", rng).replace(" ", "-").lower()
    if spec.semantic:
        return values.of_semantic(spec.semantic, rng)
    if re.match(r"(has|is|can|was|should)_", leaf) or "whether" in spec.description.lower():
        return rng.random() < 0.5
    return values.of_semantic("name", rng)


# -- values that come from it ---------------------------------------------------------------------


def bind(facts: Mapping[str, Any], value: Any) -> Bound | None:
    """How ``value`` is made of facts: one of them, or several with text between (``owner/name``)."""
    item = value[0] if isinstance(value, list) and len(value) == 1 else value
    for key, fact in facts.items():
        if fact == item and type(fact) is type(item) or str(fact) == str(item):
            return (key,)
    if not isinstance(item, str):
        return None
    parts: list[str] = [f"={item}"]
    for key, fact in sorted(facts.items(), key=lambda pair: -len(str(pair[1]))):
        if isinstance(fact, bool) or len(str(fact)) < 2:
            continue
        split: list[str] = []
        for part in parts:
            before, found, after = part.partition(str(fact)) if part[0] == "=" else (part, "", "")
            split += [before, key, f"={after}"] if found else [part]
        parts = [part for part in split if part != "="]
    return tuple(parts) if any(part[0] != "=" for part in parts) else None


def resolve(arg: Arg, bound: Bound, facts: Mapping[str, Any]) -> Any:
    """The argument's value in these surroundings, in the argument's type."""
    text = "".join(part[1:] if part[0] == "=" else str(facts[part]) for part in bound)
    value: Any = int(text) if arg.type == "integer" and text.isdigit() else text
    return [value] if arg.repeatable else value


def keys_of(bound: Mapping[str, Bound]) -> set[str]:
    return {part for link in bound.values() for part in link if part[0] != "="}


def references(schema: Schema, unit: Unit) -> dict[str, Bound]:
    """Arguments that "this", "current" or "it" can stand for, and the facts that then say what."""
    found: dict[str, Bound] = {}
    for arg in unit.args:
        if arg.type not in ("string", "integer"):
            continue
        link = _link(schema, arg)
        if link and _can_be_current(unit, arg):
            found[arg.name] = link
    return found


def _link(schema: Schema, arg: Arg) -> Bound | None:
    for key, spec in schema.context.items():
        if spec.semantic and spec.semantic == arg.semantic and "default" not in key:
            return (key,)
    if arg.semantic == "repo":
        owner = next((k for k, s in schema.context.items() if s.semantic == "owner"), None)
        name = next((k for k in schema.context if re.search(r"repo_?name$|\brepo$", k)), None)
        if owner and name:
            return (owner, "=/", name)
    return None


def _can_be_current(unit: Unit, arg: Arg) -> bool:
    if arg.semantic != "branch":
        return arg.semantic not in ("name", "text", "value", "remote")
    if any(arg.name in example.args and example.context for example in unit.node.examples):
        return True
    return arg.name not in _OTHER_END and unit.node.name not in _OTHER_BRANCH


def refer(text: str, unit: Unit, arg: Arg, rng: Random) -> str:
    """``land pull request {number}`` → ``land this pull request``: the slot becomes a reference."""
    nouns = NOUNS.get(arg.semantic) or nouns_of_unit(unit) or (noun_of_arg(unit, arg),)
    slot = r"#?[\"'@]?\{" + re.escape(arg.name) + r"\}[\"']?"
    names = "|".join(re.escape(noun) for noun in sorted(nouns, key=len, reverse=True))
    pointer = rng.choice(("this", "this", "this", "the current", "the current", "current"))
    for pattern in (rf"\b(?:(?:the|a) )?(?:current )?({names}) (?:number )?{slot}",
                    rf"(?:\bthe )?{slot} ({names})\b"):  # fmt: skip
        replaced, count = re.subn(pattern, lambda m: f"{pointer} {m[1]}", text, flags=re.I)
        if count:
            return replaced
    roll = rng.random()
    plain = f"{pointer} {rng.choice(nouns)}"
    if roll < 0.2:
        plain = "it"
    elif roll < 0.38:
        plain = rng.choice(("this", "this one"))
    return re.sub(rf"(?:\b(?:the|a) )?{slot}", lambda _: plain, text)
