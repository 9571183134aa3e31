"""Does a request give the values that its answer holds?

A value that stands neither in the request nor in the context cannot be learned, only invented. So
every value must be copied from there, unless the schema says it: a default, a choice, or a value
that the CLI's author answers with where the request does not name it ("undo the last commit" →
``HEAD~1``).
"""

from __future__ import annotations

import re
from collections import defaultdict
from collections.abc import Iterable
from typing import Any

from clitron_dagster.prompt import context_items
from clitron_dagster.schema import Arg, Schema, Unit

# Kinds whose values people say in parts: "from v1 to v2" → v1..v2, "3 commits back" → HEAD~3.
COMPOSED = frozenset(
    {"range", "ref", "stash_ref", "repo", "date", "duration", "image", "port", "percent"}
)
_NUMBERS = """zero; one single first; two couple pair twice second; three third; four fourth;
    five fifth; six sixth; seven seventh; eight eighth; nine ninth; ten tenth; eleven;
    twelve dozen; thirteen; fourteen; fifteen; sixteen; seventeen; eighteen; nineteen; twenty"""
_NUMBER_WORDS = {
    word: number for number, words in enumerate(_NUMBERS.split(";")) for word in words.split()
} | {"thirty": 30, "forty": 40, "fifty": 50, "sixty": 60, "ninety": 90, "hundred": 100}
_PART = re.compile(r"\d+|[^\W\d_]+")
Implied = dict[tuple[str, str], set[str]]


class Evidence:
    """What a model is shown of one row: the request and the context's facts, as text."""

    def __init__(self, schema: Schema, instruction: str, context: Any):
        request = " ".join(instruction.split())
        self.text = "\n".join([request, *(fact for _, fact in context_items(schema, context))])
        self._parts: set[str] | None = None

    def holds(self, value: str) -> bool:
        """Whether the text holds the value, not as a piece of a longer word or number."""
        if not any(map(str.isalnum, value)):  # "." and "-" stand inside of many words
            return value in self.text.split()
        start = self.text.find(value)
        while start >= 0:
            end = start + len(value)
            if not _joined(self.text[start - 1 : start], value[0]) and not _joined(
                value[-1], self.text[end : end + 1]
            ):
                return True
            start = self.text.find(value, start + 1)
        return False

    def holds_number(self, number: float) -> bool:
        """Whether the text holds the number, in digits or as a word."""
        digits = re.findall(r"\d+(?:\.\d+)?", re.sub(r"(?<=\d)[,_](?=\d{3}\b)", "", self.text))
        words = (_NUMBER_WORDS.get(part.casefold()) for part in self.parts)
        return abs(number) in {*map(float, digits), *(word for word in words if word is not None)}

    @property
    def parts(self) -> set[str]:
        if self._parts is None:
            self._parts = set(_PART.findall(self.text))
        return self._parts


def _joined(left: str, right: str) -> bool:
    return (left.isdigit() and right.isdigit()) or (left.isalpha() and right.isalpha())


def implied_values(
    schema: Schema, authored: Iterable[tuple[Unit, dict[str, Any], str, Any]] = ()
) -> Implied:
    """Values, as text, that the author's examples hold and their requests do not, by unit and arg.

    ``authored`` adds ``(unit, args, request, context)`` to the examples in the schema.
    """
    examples = [
        (unit, example.args, example.request, example.context)
        for unit in schema.units
        for example in unit.node.examples
    ]
    implied: Implied = defaultdict(set)
    for unit, args, request, context in [*examples, *authored]:
        evidence = Evidence(schema, request, context)
        for arg in unit.args:
            for value in _items(args.get(arg.name)):
                if not _stands_in(evidence, value):
                    implied[unit.key, arg.name].add(str(value))
    return implied


def unsupported(
    unit: Unit, args: dict[str, Any], evidence: Evidence, implied: Implied
) -> list[tuple[str, Any]]:
    """``(arg name, value)`` of what an answer holds and nothing supports. ``args`` are legal."""
    return [
        (arg.name, value)
        for arg in unit.args
        for value in _items(args.get(arg.name))
        if not _supported(arg, value, evidence, implied.get((unit.key, arg.name), set()))
    ]


def _blotted(value: str) -> str:
    """``HEAD~3`` → ``HEAD~#``."""
    return re.sub(r"\d+", "#", value)


def _items(value: Any) -> list[Any]:
    return value if isinstance(value, list) else [] if value is None else [value]


def _stands_in(evidence: Evidence, value: Any) -> bool:
    if isinstance(value, bool):
        return True
    return evidence.holds_number(value) if isinstance(value, int | float) else evidence.holds(value)


def _supported(arg: Arg, value: Any, evidence: Evidence, implied: set[str]) -> bool:
    if arg.type in ("boolean", "enum") or value in _items(arg.default) or str(value) in implied:
        return True
    if _stands_in(evidence, value):
        return True
    if not isinstance(value, str):
        return False
    if arg.semantic not in COMPOSED and _blotted(value) not in map(_blotted, implied):
        return False
    known = {part for text in implied for part in _PART.findall(text) if not part.isdecimal()}
    return all(
        part in evidence.parts | known or (part.isdecimal() and evidence.holds_number(int(part)))
        for part in _PART.findall(value)
    )
