"""Values for arguments: legal, realistic, of a wanted look, and whole or in parts."""

from __future__ import annotations

import re
from random import Random
from typing import Any

from clitron_dagster.generate.lexicon import word_set
from clitron_dagster.generate.value_kinds import SAMPLERS, integer, of_semantic
from clitron_dagster.schema import Arg

# Kinds whose pool is better than an author's few samples; for the others samples come first.
_POOR = word_set("""
    key regex command jq team host job text name value format template id
""")


def sample(arg: Arg, rng: Random, like: Any = None) -> Any:
    """One legal value for ``arg`` (one item of a list), of the shape of ``like`` if given.

    A default is avoided, because an answer leaves defaults out.
    """
    value = _once(arg, rng)
    for _ in range(12):
        if value != arg.default and (like is None or shape(value) == shape(like)):
            return value
        value = _once(arg, rng)
    return like if like is not None and value != arg.default and rng.random() < 0.5 else value


def _once(arg: Arg, rng: Random) -> Any:
    if arg.type == "boolean":
        return rng.random() < 0.7
    if arg.type == "enum":
        return rng.choice(arg.choices)
    if arg.samples and rng.random() < (
        0.85 if arg.semantic in _POOR or arg.semantic not in SAMPLERS else 0.4
    ):
        return rng.choice(arg.samples)
    if arg.type == "integer":
        return integer(arg.semantic, rng)
    if arg.type == "number":
        return rng.choice((rng.randint(1, 60), round(rng.uniform(0.05, 9.9), rng.randint(1, 2))))
    guessed = arg.semantic == "text" and "semantic" not in arg.model_fields_set
    return of_semantic("name" if guessed and rng.random() < 0.75 else arg.semantic, rng)


_SHAPES = [
    ("number", r"\d+"), ("range", r".+\.\.\.?.+"), ("head", r"@|HEAD.*"),
    ("hash", r"[0-9a-f]{7,40}"),
    ("version", r"v?\d+(\.\d+)+\S*"), ("date", r"\d{4}-\d\d-\d\d.*"), ("url", r"\w+://.*|git@.*"),
    ("ago", r".*\bago"), ("glob", r".*\*.*"), ("stash", r"stash@.*"), ("at", r"@\w+"),
    ("words", r".*\s.*"), ("folder", r".*/"), ("file", r"\S*\.[A-Za-z]\w*"), ("path", r"\S+/\S+"),
]  # fmt: skip
_SHAPES_RE = [(name, re.compile(pattern)) for name, pattern in _SHAPES]


def shape(value: Any) -> str:
    """Coarse look of a value, so that a substitute reads like what it replaces."""
    text = str(value)
    return next((name for name, pattern in _SHAPES_RE if pattern.fullmatch(text)), "word")


# Kinds whose values people also say in parts: "squash the last 3 commits" → HEAD~3.
PARTS = {
    kind: re.compile(form)
    for kind, form in {
        "ref": r"HEAD[~^](\d+)", "range": r"(.+?)\.\.\.?(.+)", "stash_ref": r"stash@\{(\d+)\}",
        "date": r"(\d+)[ .](?:second|minute|hour|day|week|month|year)s?[ .]ago",
        "duration": r"(\d+) ?[a-z]+", "repo": r"([^/]+)/([^/]+)",
    }.items()
}  # fmt: skip


def parts(semantic: str, value: Any) -> tuple[str, ...]:
    """What a person may name of the value: ``("3",)`` of ``HEAD~3``; empty for a whole."""
    match = PARTS[semantic].fullmatch(str(value)) if semantic in PARTS else None
    return match.groups() if match else ()


def with_other_parts(semantic: str, value: str, rng: Random) -> str:
    """The value with its parts replaced by others of their look (``HEAD~3`` → ``HEAD~7``)."""
    match = PARTS[semantic].fullmatch(value)
    assert match is not None
    out, position = "", 0
    for index, part in enumerate(match.groups(), start=1):
        kind = {"range": "ref", "repo": ("owner", "project")[index - 1]}.get(semantic, "")
        if part.isdigit():
            new = str(rng.randint(0, 9) if semantic == "stash_ref" else rng.randint(2, 12))
        else:
            tried = [of_semantic(kind, rng).replace(" ", "-") for _ in range(8)]
            new = next((text for text in tried if shape(text) == shape(part)), tried[0])
        out += value[position : match.start(index)] + new
        position = match.end(index)
    return out + value[position:]
