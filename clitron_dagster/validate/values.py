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

# Kinds whose values people say in parts ("from v1 to v2" → v1..v2, "3 commits back" → HEAD~3): the
# forms, whose groups the request must give.
COMPOSED = {
    kind: re.compile(form)
    for kind, form in {
        "range": r"(.+?)\.\.\.?(.+)",
        "ref": r"HEAD[~^](\d+)",
        "stash_ref": r"stash@\{(\d+)\}",
        "repo": r"([^/]+)/([^/]+)",
        "image": r"(.+):([^:/]+)",
        "port": r"(\d+):(\d+)",
        "percent": r"(\d+)%",
        "duration": r"(\d+) ?[a-z]+",
        "date": r"(\d+)[ .](?:second|minute|hour|day|week|month|year)s?[ .]ago",
    }.items()
}
_NUMBERS = """zero; one single first; two couple pair twice second; three third; four fourth;
    five fifth; six sixth; seven seventh; eight eighth; nine ninth; ten tenth; eleven;
    twelve dozen; thirteen; fourteen; fifteen; sixteen; seventeen; eighteen; nineteen; twenty"""
_NUMBER_WORDS = {
    word: number for number, words in enumerate(_NUMBERS.split(";")) for word in words.split()
} | {"thirty": 30, "forty": 40, "fifty": 50, "sixty": 60, "ninety": 90, "hundred": 100}
_WORD_BEFORE = re.compile(r"(?:[A-Za-z0-9_][-.]?|(?:^|[\s~.])/)\Z")  # of a letter: a-main, ~/main
_WORD_BEHIND = re.compile(r"[-.]?[A-Za-z0-9_]|/(?:\s|\Z)|\}")  # main-a, main/, stash@{2}
_WITHIN_NAMES = "-_/~@:^=."
_QUOTES = "\"'`,;()"
Implied = dict[tuple[str, str], set[str]]


class Evidence:
    """What a model is shown of one row: the request and the context's facts, as text."""

    def __init__(self, schema: Schema, instruction: str, context: Any):
        request = " ".join(instruction.split())
        self.text = "\n".join([request, *(fact for _, fact in context_items(schema, context))])
        self._numbers: set[float] | None = None

    def holds(self, value: str) -> bool:
        """Whether the text holds the value, not as a piece of a longer word, name or number."""
        if not any(map(str.isalnum, value)):  # "." and "-" stand inside of many words
            return value in (word.strip(_QUOTES) for word in self.text.split())
        start = self.text.find(value) if value == value.strip() else -1
        while start >= 0:
            before, behind = self.text[:start][-2:], self.text[start + len(value) :][:2]
            if not _cut_before(before, value[0]) and not _cut_behind(value[-1], behind):
                return True
            start = self.text.find(value, start + 1)
        return False

    def holds_number(self, number: float) -> bool:
        """Whether the text holds the number, in digits or as a word."""
        if self._numbers is None:
            ungrouped = re.sub(r"(?<=\d)[,_](?=\d{3}\b)", "", self.text)
            self._numbers = {float(digits) for digits in re.findall(r"\d+(?:\.\d+)?", ungrouped)}
            words = re.findall(r"[a-z]+", self.text.casefold())
            self._numbers.update(_NUMBER_WORDS[word] for word in words if word in _NUMBER_WORDS)
        return abs(number) in self._numbers


def _cut_before(before: str, first: str) -> bool:
    """Whether what stands before a value's first character belongs to it: ``maintenance``."""
    if first.isascii() and first.isalnum():
        return bool(_WORD_BEFORE.search(before))
    return first in _WITHIN_NAMES and before.endswith((first, ".", "~"))


def _cut_behind(last: str, behind: str) -> bool:
    """The same at the end. ``fix-`` of ``fix-it`` and ``a/b`` of ``a/b/`` are not whole either."""
    if last.isascii() and last.isalnum():
        return bool(_WORD_BEHIND.match(behind))
    return last in _WITHIN_NAMES and behind[:1] != "" and (behind[0].isalnum() or behind[0] == last)


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
    if _blotted(value) in map(_blotted, implied):  # HEAD~4 where the author has HEAD~3
        return all(evidence.holds_number(int(digits)) for digits in re.findall(r"\d+", value))
    form = COMPOSED.get(arg.semantic)
    said = form.fullmatch(value) if form else None
    return said is not None and all(
        evidence.holds(part) or (part.isdecimal() and evidence.holds_number(int(part)))
        for part in said.groups()
    )
