"""How a request asks for an option: ``on branch {branch}``, ``and delete the branch``."""

from __future__ import annotations

import re
from collections.abc import Iterator
from random import Random

from clitron_dagster.generate import lexicon
from clitron_dagster.generate.lexicon import word_set
from clitron_dagster.generate.slots import slot_of
from clitron_dagster.generate.words import (
    IMPERATIVES,
    NOUNS,
    first_word,
    from_description,
    noun_of_arg,
    spoken,
)
from clitron_dagster.schema import Arg, Flag, Unit
from clitron_dagster.schema.semantics import FREE_TEXT

_BY_NAME: dict[str, tuple[str, ...]] = {
    "author": ("by {v}", "from {v}", "authored by {v}", "written by {v}"),
    "assignee": ("assigned to {v}", "with assignee {v}"),
    "reviewer": ("with {v} as reviewer", "with reviewer {v}", "and ask {v} for a review"),
    "since": ("since {v}", "from {v} on"), "after": ("after {v}", "since {v}"),
    "until": ("until {v}", "up to {v}"), "before": ("before {v}", "older than {v}"),
    "base": ("into {v}", "against {v}", "with base {v}"), "head": ("from {v}", "with head {v}"),
    "destination": ("to {v}", "into {v}"), "output": ("to {v}", "and save it to {v}", "into {v}"),
    "limit": ("limit {v}", "only {v}", "max {v}", "at most {v}", "limited to {v}"),
    "sort": ("sorted by {v}", "sort by {v}", "ordered by {v}"), "order": ("in {v} order",
    "order {v}"),
    "timeout": ("with a timeout of {v}", "timeout {v}", "wait at most {v}"),
}  # fmt: skip
_BY_SEMANTIC: dict[str, tuple[str, ...]] = {
    "branch": ("on branch {v}", "on {v}", "for branch {v}", "on the {v} branch"),
    "remote": ("on {v}", "from {v}", "remote {v}"), "ref": ("at {v}", "from {v}", "on {v}"),
    "commit": ("at commit {v}", "for commit {v}", "commit {v}"), "tag": ("for tag {v}", "tag {v}"),
    "file": ("for {v}", "using file {v}", "file {v}"), "path": ("in {v}", "for {v}"),
    "directory": ("in {v}", "into {v}", "in the {v} folder"), "pattern": ("matching {v}",),
    "url": ("from {v}", "at {v}", "url {v}"), "repo": ("in {v}", "in repo {v}", "for {v}",
    "on {v}"),
    "owner": ("of {v}", "owned by {v}", "in {v}"), "user": ("for {v}", "for user {v}", "by {v}"),
    "team": ("for team {v}", "by team {v}"), "host": ("on {v}", "at host {v}"),
    "email": ("with email {v}", "for {v}"), "date": ("on {v}", "dated {v}", "from {v}"),
    "count": ("limit {v}", "only {v}", "top {v}", "the last {v}"), "port": ("on port {v}",),
    "duration": ("for {v}", "within {v}"), "version": ("version {v}", "at version {v}"),
    "name": ("called {v}", "named {v}", "with name {v}"), "key": ("key {v}",),
    "percent": ("at {v}%",),
    "label": ("with label {v}", "labeled {v}", "with the {v} label", "label {v}", "tagged {v}"),
    "milestone": ("in milestone {v}", "for milestone {v}", "milestone {v}"),
    "project": ("in project {v}", "on project {v}"), "workflow": ("of workflow {v}", "for {v}"),
    "job": ("for job {v}", "job {v}"), "environment": ("in {v}", "for {v}",
    "in the {v} environment"),
    "message": ("with message {v}", "with the message {v}", "saying {v}", "message {v}",
    "that says {v}"),
    "title": ("titled {v}", "with title {v}", "called {v}", "title {v}", "with the title {v}"),
    "body": ("with body {v}", "saying {v}", "body {v}", "that says {v}"),
    "description": ("described as {v}", "with description {v}", "description {v}"),
    "query": ("matching {v}", "for {v}", "containing {v}", "about {v}"),
    "jq": ("filtered with jq {v}",),
    "regex": ("matching {v}", "matching regex {v}"), "command": ("running {v}", "with command {v}"),
    "format": ("as {v}", "in {v} format", "formatted as {v}"), "template": ("with template {v}",),
    "value": ("to {v}", "with value {v}"), "image": ("with image {v}",), "namespace": ("in {v}",),
}  # fmt: skip
_NEW = re.compile(r"(new|to|target|dest)\b", re.I)
_CREATES = re.compile(r"^(create|new|add|init)", re.I)


def never_added(option: Arg | Flag) -> bool:
    """``natural_language: []``, written out, says: only in phrases and examples of the unit."""
    return "natural_language" in option.model_fields_set and not option.natural_language


def arg_clauses(unit: Unit, arg: Arg) -> tuple[str, ...]:
    """Templates that name the argument's slot, likeliest first; the author's words win."""
    if never_added(arg):
        return ()
    slot = slot_of(arg.name)
    own = [
        p.replace("{value}", slot).replace(slot_of(arg.name), slot) for p in arg.natural_language
    ]
    own = [phrase for phrase in own if slot in phrase]
    if own:
        return tuple(own)
    return tuple(clause.replace("{v}", slot) for clause in _made_clauses(unit, arg))


def _made_clauses(unit: Unit, arg: Arg) -> Iterator[str]:
    name, noun = spoken(arg.name), noun_of_arg(unit, arg)
    if arg.positional:
        if arg is not unit.positionals[0] and _NEW.match(arg.name):
            yield "to {v}"
            return
        creates = _CREATES.match(unit.node.name) and arg.semantic not in FREE_TEXT
        if arg.semantic in ("pr_number", "issue_number", "number", "run_id") and not creates:
            yield from (f"{short} {{v}}" for short in NOUNS.get(arg.semantic, (noun,)))
            yield from ("#{v}", "number {v}")
        elif creates:
            yield from ("called {v}", "named {v}", "{v}")
        elif arg.semantic in _BY_SEMANTIC and arg is not unit.positionals[0]:
            yield from _BY_SEMANTIC[arg.semantic]
        else:
            yield from ("{v}", f"{noun} {{v}}") if noun in NOUNS.get(arg.semantic, ()) else ("{v}",)
        return
    if arg.type == "boolean":
        yield from (f"with {name} {{v}}", f"{name} {{v}}", f"set {name} to {{v}}")
        return
    for key in (arg.name, arg.name.rsplit("-", 1)[-1]):
        if key in _BY_NAME:
            yield from _BY_NAME[key]
            return
    if arg.type == "enum":
        yield from (f"{name} {{v}}", f"with {name} {{v}}", f"{{v}} {name}")
    elif arg.name in (arg.semantic, arg.semantic.replace("_", "-")) or arg.semantic == "count":
        yield from _BY_SEMANTIC.get(arg.semantic, ())
    yield from (f"with {name} {{v}}", f"{name} {{v}}")


def flag_clauses(unit: Unit, flag: Flag) -> tuple[str, ...]:
    """Fragments that ask for the flag, without those that are whole requests."""
    if never_added(flag):
        return ()
    own = [phrase for phrase in flag.natural_language if not is_request(unit, flag, phrase)]
    if own:
        return tuple(own)
    if flag.natural_language:
        return ()  # every phrase of it is a request, see `is_request`
    return tuple(_made_flag_clauses(flag))


def _made_flag_clauses(flag: Flag) -> Iterator[str]:
    name = spoken(flag.name)
    if len(flag.name) > 1:
        yield f"with {name}" if not name.startswith("with") else name
        yield f"with --{flag.name}"
    wording = from_description(flag.description, max_words=7)
    head = first_word(wording)
    if head in lexicon.PREPOSITIONS:
        yield wording
    elif (wording and head in lexicon.VERBS) or head in lexicon.MORE_VERBS:
        yield f"and {wording}"
        yield f", {wording}"


def is_request(unit: Unit, flag: Flag, phrase: str) -> bool:
    """Whether a flag's phrase is a whole request (``abort the merge``), not an addition to one."""
    words = phrase.lower().split()
    if not words or words[0] in lexicon.PREPOSITIONS:
        return False
    others = len(unit.args) + len(unit.flags) - 1
    if others > 3 and len(flag.conflicts) > 0.85 * others:
        return True
    if words[0] not in IMPERATIVES or words[0] in _ADDS:
        return False
    names = {unit.node.name, *unit.node.aliases}
    verbs = {word for name in names for word in lexicon.VERBS.get(name, (name,))}
    spelled = {part for word in words[1:] for part in (word, word.rsplit("-", 1)[-1])}
    return len(words) > 1 and (
        words[0] in verbs or bool(names & (spelled - {"pre-" + n for n in names}))
    )


_ADDS = word_set("""
    skip bypass ignore keep only just don't do allow leave
""")


def join(base: str, added: list[str], rng: Random) -> str:
    """Base and clauses as one sentence, with the connecting words that English allows."""
    added = [text for text in added if not _LAST.match(text)] + [t for t in added if _LAST.match(t)]
    if added:
        base = base.rstrip("?!. ")
    if (
        len(added) == 1
        and rng.random() < 0.06
        and re.match(r"(in|on|for|since|from|inside) ", added[0])
    ):
        return f"{added[0]}, {base}"
    text, before = base, ""
    for clause in added:
        text += _connector(clause, before, rng) + clause
        before = clause
    return text


_LAST = re.compile(r"(and|but|then|so|plus|also) |, ")
_BARE_SLOT = re.compile(r"['\"#]*\{|(number|pr|PR|issue|pull request|\w+) #?\{")
_NOUN_SLOT = re.compile(r"[\w-]+ #?['\"]?\{")


def _connector(clause: str, before: str, rng: Random) -> str:
    head, roll = first_word(clause), rng.random()
    if clause.startswith(", "):
        return ""
    if _LAST.match(clause):
        return " " if roll < 0.8 else ", "
    if _BARE_SLOT.match(clause):
        return " "
    if head in lexicon.PREPOSITIONS:
        both = first_word(before) in lexicon.PREPOSITIONS if before else False
        return " and " if both and roll < 0.22 else " " if roll < 0.9 else ", "
    if head in IMPERATIVES and not _NOUN_SLOT.match(clause):
        return " and " if roll < 0.62 else ", "
    return " and " if before and roll < 0.12 else " " if roll < 0.5 else ", "
