"""Read a usage line: ``[-q | --quiet] [--] <path>...`` becomes positionals, options and words.

The notation is the one of getopt manuals: ``[x]`` is optional, ``x...`` repeats, ``a | b`` are
alternatives, ``( )`` and ``{ }`` group, ``<x>`` is a value, ``--`` ends the options.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass, field
from itertools import zip_longest

from clitron_dagster.schema_import.help_layout import Option, Positional
from clitron_dagster.schema_import.help_option import choices_of, read_option

_TOKEN = re.compile(
    r"(?P<gap>\s*)(?P<token>\.\.\.|…|[\[\](){}|]|<[^<>]*>|(?:[^\s\[\](){}|<>.…]|\.(?!\.\.))+)"
)
_CLOSES = {"[": "]", "(": ")", "{": "}"}
_PLACEHOLDERS = frozenset(
    "flags flag options option opts subcommand global-options common-options log-options"
    " diff-options rev-list-options command-options global-flags".split()
)


@dataclass
class Item:
    """A word, a value, or a group of alternatives, each a sequence of items."""

    text: str
    glued: bool = False  # stands without a space behind what precedes it
    optional: bool = False
    repeats: bool = False
    alternatives: list[list[Item]] = field(default_factory=list)


def parse_usage(line: str) -> list[Item]:
    """The items of a usage line, unbalanced brackets closed at its end."""
    line = re.sub(r"--\[no-\]([\w-]+)", r"--no-\1 | --\1", line)
    tokens = [(match["token"], not match["gap"]) for match in _TOKEN.finditer(line)]
    items, _ = _sequence(tokens, 0, "", 0)
    return items[0] if len(items) == 1 else [Item("(", alternatives=items)]


def _sequence(
    tokens: list[tuple[str, bool]], at: int, closing: str, depth: int
) -> tuple[list[list[Item]], int]:
    found: list[list[Item]] = [[]]
    while at < len(tokens):
        sign, glued = tokens[at]
        glued = glued and bool(found[-1])
        at += 1
        if sign == closing:
            break
        if sign in _CLOSES and depth < 12:
            inner, at = _sequence(tokens, at, _CLOSES[sign], depth + 1)
            found[-1].append(Item(sign, glued, sign == "[", alternatives=inner))
        elif sign == "|":
            found.append([])
        elif sign in ("...", "…"):
            for item in reversed(found[-1]):  # <port>:<target>... repeats as a whole
                item.repeats = True
                if not item.glued:
                    break
        elif sign not in _CLOSES and sign not in _CLOSES.values():
            found[-1].append(Item(sign, glued))
    return found, at


def words_first(items: list[Item]) -> list[str]:
    """The literal words at the start of a usage: ``["stash", "list"]``.

    An option group before a word (``git remote [-v] show``) is passed over, and a bracket that
    starts with a word (``git stash [push …``) counts as that word.
    """
    found: list[str] = []
    for item in items:
        if item.alternatives:
            first = item.alternatives[0][:1]
            if first and first[0].text.startswith("-"):
                continue
            default = item.alternatives[0][1:2]  # of a default subcommand, its options follow
            if first and is_word(first[0]) and default and not is_word(default[0]) and found:
                return [*found, first[0].text]
            return found
        if not is_word(item):
            return found
        found.append(item.text)
    return found


def is_word(item: Item) -> bool:
    """Whether an item is typed as it stands: lower case, no brackets."""
    return not item.alternatives and bool(re.fullmatch(r"[a-z][a-z0-9_-]*", item.text))


def positionals(items: list[Item], booleans: frozenset[str], *, bare: bool) -> list[Positional]:
    """The positionals in order. ``booleans`` are spelled options (``-v``) that take no value;
    ``bare`` says whether a word without brackets names a value (argparse, cobra) or not (git).
    """
    found: dict[str, Positional] = {}
    for positional in _Positionals(booleans, bare).of(items):
        known = found.setdefault(positional.name, positional)
        known.repeatable = known.repeatable or known is not positional  # src [src ...]
    return list(found.values())


def _option_names(item: Item) -> list[str]:
    """``--all``, or the spellings in ``(-a | --all)``; empty for anything else."""
    inner = [item] if not item.alternatives else [i for a in item.alternatives for i in a]
    single = all(len(alternative) == 1 for alternative in item.alternatives)
    names = [i.text for i in inner if i.text.startswith("-") and i.text not in ("-", "--")]
    return names if single and len(names) == len(inner) else []


class _Positionals:
    """Walks a usage from left to right, as whether ``--`` was passed depends on what came before."""

    def __init__(self, booleans: frozenset[str], bare: bool) -> None:
        self.booleans = booleans
        self.bare = bare
        self.behind = False  # behind a `--`
        self.any = False  # a positional came before

    def of(self, items: list[Item]) -> list[Positional]:
        found: list[Positional] = []
        for item in self._without_values(items):
            made = self._group(item) if item.alternatives else self._single(item)
            if found and not made and item.repeats:  # SPEC [index-options] ...
                found[-1].repeatable = True
            found += made
            self.any = self.any or bool(found)
        return found

    def _without_values(self, items: list[Item]) -> Iterator[Item]:
        """Items that are not an option nor the value of one."""
        takes = attached = False
        for item, following in zip_longest(items, items[1:]):
            names = _option_names(item)
            if names:
                takes = not item.optional and not any(n in self.booleans or "=" in n for n in names)
                attached = True
            elif not (attached and item.glued):  # --file=<path>, --from=[key=]source
                compound = bool(following and following.glued and item.optional)
                if compound and following and not item.glued:  # [HOST/]OWNER/REPO
                    following.glued = False
                    continue
                value = takes and not item.optional and (self.bare or not is_word(item))
                takes = attached = False
                if not value:
                    yield item

    def _single(self, item: Item) -> list[Positional]:
        if item.text == "--":
            self.behind = True
            return []
        value = item.text.startswith("<") or _is_capital(item.text) or (self.bare and is_word(item))
        name = name_of(item.text)
        if item.glued or not value or not name or _is_placeholder(name):
            return []
        return [Positional(name, True, item.repeats, self.behind, choices_of(item.text))]

    def _group(self, item: Item) -> list[Positional]:
        alternatives = [alternative for alternative in item.alternatives if alternative]
        if item.glued or not alternatives:
            return []  # <name>[:<tag>]: a part of the value before it
        if len(alternatives) == 1 and [inner.text for inner in alternatives[0]] == ["--"]:
            self.behind = self.any  # `add [--] PATH...` reads as well without, `log [--] PATH` not
            return []
        words = [a[0].text for a in alternatives if len(a) == 1 and is_word(a[0])]
        if len(words) == len(alternatives) > 1:
            return [Positional("action", not item.optional, item.repeats, self.behind, words)]
        before, bare = self.behind, self.bare
        spelled = any(_option_names(alternative[0]) for alternative in alternatives)
        self.bare = (bare or item.optional) and not (spelled and len(alternatives) > 1)
        readings = [self.of(alternative) for alternative in alternatives]
        self.behind, self.bare = before, bare
        first = next((reading for reading in readings if reading), [])
        for positional in first:
            positional.required &= not item.optional and all(readings)
            positional.repeatable |= item.repeats and len(first) == 1
            if len(alternatives) > 1:
                positional.choices = []
                positional.metavar = "|".join(a[0].text for a in alternatives)
        return first


def _is_placeholder(name: str) -> bool:
    return name in _PLACEHOLDERS or name.endswith(("-options", "-opts"))


def _is_capital(text: str) -> bool:
    letters = [character for character in text if character.isalpha()]
    return bool(letters) and all(character.isupper() for character in letters)


def name_of(text: str) -> str:
    """``<Run ID>`` → ``run-id``; empty for what cannot be a name."""
    plain = re.sub(r"[^A-Za-z0-9]+", "-", re.sub(r"(?<=.)\[[^\]]*\]", "", text)).strip("-")
    if not _is_capital(plain):  # keyPrefix
        plain = re.sub(r"(?<=[a-z0-9])(?=[A-Z])", "-", plain)
    return plain.lower()[:40].strip("-")


def options(items: list[Item]) -> list[Option]:
    """Options that a usage line spells out: ``[-q | --quiet] [(-m | --message) <message>]``."""
    found: list[Option] = []
    for item, following in zip_longest(items, items[1:]):
        flat = [a[0] for a in item.alternatives if a and a[0].text.startswith("-")]
        if item.text.startswith("-") and item.text not in ("-", "--"):
            found += _spelled([item], following)
        elif (
            flat
            and all(len(a) == 1 for a in item.alternatives)
            and len(flat) == len(item.alternatives)
        ):
            names = [name.text.lstrip("-") for name in flat]
            longs = [len(name) for name in names if len(name) > 1]
            if len(longs) > 1:  # alternatives, not spellings of one
                found += [option for name in flat for option in _spelled([name], None)]
            else:
                found += _spelled(flat, following if not item.optional else None)
        elif item.alternatives:
            found += [option for inner in item.alternatives for option in options(inner)]
    return found


def _spelled(names: list[Item], following: Item | None) -> list[Option]:
    value = ""
    if following and following.text.startswith("<"):
        value = ("" if names[-1].text.endswith("=") else " ") + following.text
    option = read_option(", ".join(name.text for name in names) + value, "")
    return [option] if option else []
