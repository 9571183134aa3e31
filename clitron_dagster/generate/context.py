"""The user's surroundings: sampling them, and values that a request takes from them ("this pr")."""

from __future__ import annotations

import re
from collections.abc import Mapping
from random import Random
from typing import Any

from clitron_dagster.generate import lexicon, value_kinds
from clitron_dagster.generate.lexicon import word_set
from clitron_dagster.generate.words import IMPERATIVES, NOUNS, noun_of_arg, nouns_of_unit
from clitron_dagster.schema import Arg, Schema, Unit
from clitron_dagster.schema.model import ContextKey

# A value made of context facts: names of keys, and literal text between them (marked by "=").
Bound = tuple[str, ...]
_NUMBERS = word_set("""
    id number count pr_number issue_number run_id port percent
""")
# "merge this branch" does not mean that the current branch is the argument.
_OTHER_BRANCH = word_set("""
    merge rebase checkout switch cherry-pick rename create new diff branch reset restore pull
    fetch clone worktree log init add submodule reflog
""")
_ALL_NOUNS = frozenset(noun for nouns in NOUNS.values() for noun in nouns)
_OTHER_END = word_set("""
    default-branch base onto into target upstream new to start-point newbase
""")


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


def sample_facts(
    schema: Schema, rng: Random, needed: set[str], without: set[str]
) -> dict[str, Any]:
    """A full (half of the time) or partial set of facts; never empty if there is any key."""
    keys = [key for key in schema.context if key not in without]
    chance = 1.0 if rng.random() < 0.5 else rng.choice((0.3, 0.5, 0.7))
    kept = [key for key in keys if key in needed or rng.random() < chance]
    if not kept and keys:
        kept = [rng.choice(keys)]
    return {key: _fact(key, schema.context[key], rng) for key in kept}


def _fact(key: str, spec: ContextKey, rng: Random) -> Any:
    leaf = key.rsplit(".", 1)[-1]
    if spec.semantic == "branch" and "default" in leaf:
        return rng.choices(("main", "master", "develop", "trunk"), (55, 25, 14, 6))[0]
    if spec.semantic in _NUMBERS:
        return value_kinds.integer(spec.semantic, rng)
    if spec.semantic == "name" and "repo" in leaf:
        return value_kinds.of_semantic("repo", rng).partition("/")[2]
    if spec.semantic:
        return value_kinds.of_semantic(spec.semantic, rng)
    if re.match(r"(has|is|can|was|should)_", leaf) or "whether" in spec.description.lower():
        return rng.random() < 0.5
    return value_kinds.of_semantic("name", rng)


# -- values that come from it ---------------------------------------------------------------------


def bind(facts: Mapping[str, Any], value: Any) -> Bound | None:
    """How ``value`` is made of facts: one of them, or several and text (``owner/name``)."""
    item = value[0] if isinstance(value, list) and len(value) == 1 else value
    for key, fact in facts.items():
        if (fact == item and type(fact) is type(item)) or str(fact) == str(item):
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
        if link and (_can_be_current(unit, arg) or _shown(schema, unit, arg, link)):
            found[arg.name] = link
    return found


def _shown(schema: Schema, unit: Unit, arg: Arg, link: Bound) -> bool:
    """Whether one of the author's examples takes the argument from just these facts."""
    for example in unit.node.examples:
        facts = flatten(schema, example.context)
        if arg.name in example.args and set(link) <= {*facts, "=/"}:
            value = example.args[arg.name]
            if resolve(arg, link, facts) == value and str(value) not in example.request:
                return True
    return False


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
    """Whether "this" can be what the argument wants; a current branch is rarely what is merged."""
    if arg.semantic != "branch":
        return arg.semantic not in ("name", "text", "value", "remote")
    return arg.name not in _OTHER_END and unit.node.name not in _OTHER_BRANCH


def refer(text: str, unit: Unit, arg: Arg, rng: Random, known: bool = True) -> str | None:
    """``land pull request {number}`` → ``land this pull request``: the slot becomes a reference.

    None where English has no room for one. ``known``: a fact stands behind it ("current" is right).
    """
    nouns = NOUNS.get(arg.semantic) or nouns_of_unit(unit) or (noun_of_arg(unit, arg),)
    slot = r"#?[\"'@]?\{" + re.escape(arg.name) + r"\}[\"']?"
    names = "|".join(re.escape(noun) for noun in sorted(nouns, key=len, reverse=True))
    pointers = ("this", "this", "this", "the current", "current") if known else ("this", "that")
    pointer = rng.choice(pointers)
    noun = rf"(?:(?:the|a) )?(?:current )?({names})"
    for pattern in (rf"(?:(?<=^)|(?<= )){noun} (?:number )?{slot}(?=$|[ ,?])",
                    rf"(?:\bthe )?{slot} ({names})\b"):  # fmt: skip
        replaced, count = re.subn(pattern, lambda m: f"{pointer} {m[1]}", text, flags=re.I)
        if count:
            return replaced
    match = re.search(rf"(.*?)((?:\bthe )?{slot})(.*)", text)
    if match is None:
        return None
    before, after = match[1].split()[-1:], match[3].split()[:1]
    if before and before[0].lower() not in IMPERATIVES | lexicon.PREPOSITIONS:
        return None
    if (
        after
        and match[3][0] == " "
        and after[0] not in lexicon.PREPOSITIONS | {"please", "over", "up"}
    ):
        return None
    direct = bool(before) and before[0].lower() in IMPERATIVES
    if direct and before[0].lower() in _ALL_NOUNS and len(match[1].split()) > 1:
        return None  # "drop tag {name}": a noun of another kind
    roll = rng.random()
    plain = f"{pointer} {rng.choice(nouns)}"
    if direct and arg.positional and roll < 0.5:
        plain = rng.choice(("it", "this", "this one"))
    return f"{match[1]}{plain}{match[3]}"
