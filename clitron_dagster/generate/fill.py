"""Put values into a template's slots, spelled and quoted as people type them.

While the sentence is still being changed, each value is one private character, so that neither a
typo nor a change of case can touch it. ``Filled.text`` becomes the request with :func:`reveal`.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from random import Random
from typing import Any

from clitron_dagster.generate.lexicon import word_set
from clitron_dagster.generate.slots import SLOT, show_braces, slot_name
from clitron_dagster.generate.value_words import NUMBER_WORDS
from clitron_dagster.generate.values import parts
from clitron_dagster.generate.words import NOUNS, spoken
from clitron_dagster.schema import Arg, Unit
from clitron_dagster.schema.semantics import FREE_TEXT

_FIRST_MARK = 0xE000
_QUOTED_KINDS = frozenset(["query", "regex", "jq", "pattern", "template", "format"])
_TAKES_NOUN = {
    "pr_number": ("#{v}", "#{v}", "pr {v}", "PR {v}", "PR #{v}", "pull request {v}",
    "pull request #{v}"),
    "issue_number": ("#{v}", "#{v}", "issue {v}", "issue #{v}"),
    "branch": ("the {v} branch", "branch {v}"), "tag": ("tag {v}", "the {v} tag"),
    "commit": ("commit {v}",), "run_id": ("run {v}",), "file": ("file {v}", "the file {v}"),
    "user": ("@{v}",), "label": ("the {v} label",), "directory": ("the {v} folder",),
    "workflow": ("the {v} workflow",), "repo": ("repo {v}",), "remote": ("remote {v}",),
}  # fmt: skip
_DETERMINERS = word_set("""
    the a an this that my new old another called named branch tag to:
""")
_WANTS_NOUN_AFTER = re.compile(
    r"\b(?:merge|land|ship|delete|remove|drop|close|reopen|open|view|show|see|checkout|push|review|approve|to|"
    r"from|on|of|in|into|onto|with|for|get|out|rebase|rerun|watch|cancel|by|at|land|display)\s*$",
    re.I,
)


@dataclass
class Filled:
    text: str  # values are private characters
    spelled: list[str]
    open_ended: bool  # ends with unquoted free text: nothing may follow it


def fill(
    template: str, unit: Unit, values: dict[str, Any], rng: Random, number_word_rate: float
) -> Filled:
    """Replace every slot of ``template``; ``{files#1}`` is the second item of a list."""
    spelled: list[str] = []
    open_ended = False
    out, position = "", 0
    for match in SLOT.finditer(template):
        name = slot_name(match[1])
        mark, index = match[1][len(name) : len(name) + 1], match[1][len(name) + 1 :]
        arg = unit.arg(name)
        if arg is None or name not in values:
            continue
        out += template[position : match.start()]
        after = template[match.end() :]
        value = values[name]
        items = value if isinstance(value, list) else [value]
        if mark == "~":
            value = parts(arg.semantic, value)[int(index) - 1]
            out += _mark(_number(value, rng, number_word_rate), spelled)
            position = match.end()
            continue
        if mark == "#":
            items = items[int(index) : int(index) + 1]
        quoted = out[-1:] in ("'", '"', "`") and after[:1] == out[-1:]
        quoted = quoted or out[-1:] in ("@", "#", "=", "/") or after[:1] in ("/", "'")
        last = not after.strip()
        kinds = [_spell(arg, item, rng, number_word_rate) for item in items]
        marks = []
        for text in kinds:
            style = "" if quoted else _quote(arg, text, last and len(items) == 1, rng)
            open_ended = (
                last and not quoted and not style and (" " in text or arg.semantic in FREE_TEXT)
            )
            if style in text and style:
                style = "'" if style == '"' else '"'
            marks.append(_mark(f"{style}{text}{style}", spelled))
        one = marks[0] if len(marks) == 1 else _listed(marks, rng)
        if len(marks) == 1 and not quoted and not index and spelled[-1][:1] not in "'\"":
            one = _with_noun(arg, one, out, after, rng)
        out += one
        position = match.end()
    return Filled(out + template[position:], spelled, open_ended)


def reveal(text: str, spelled: list[str]) -> str:
    for index, value in enumerate(spelled):
        text = text.replace(chr(_FIRST_MARK + index), value)
    return " ".join(show_braces(text).split())


def is_mark(char: str) -> bool:
    return 0xE000 <= ord(char) < 0xF8FF


def _spell(arg: Arg, value: Any, rng: Random, number_word_rate: float) -> str:
    if isinstance(value, bool):
        return rng.choice(("true", "on") if value else ("false", "off"))
    if arg.type == "enum":
        return spoken(value) if rng.random() < 0.6 else str(value)
    if value == "@me" and rng.random() < 0.85:
        return "me"
    if arg.semantic == "count" and isinstance(value, int):
        return _number(str(value), rng, number_word_rate)
    return str(value)


def _number(text: str, rng: Random, word_rate: float) -> str:
    if text.isdigit() and 0 < int(text) < len(NUMBER_WORDS) and rng.random() < word_rate:
        return NUMBER_WORDS[int(text)]
    return text


def _mark(text: str, spelled: list[str]) -> str:
    """A private character that stands for ``text`` until the wording is done."""
    spelled.append(text)
    return chr(_FIRST_MARK + len(spelled) - 1)


def _quote(arg: Arg, text: str, last: bool, rng: Random) -> str:
    """Quote mark around a value, or none: free text stays bare only at the very end."""
    if arg.type in ("integer", "number", "boolean", "enum"):
        return ""
    mark = rng.choice(('"', '"', "'"))
    if "'" in text and '"' in text:
        return ""
    chance = 0.05
    if arg.semantic in FREE_TEXT:
        chance = (0.58 if " " in text else 0.45) if last else 1.0 if " " in text else 0.75
    elif " " in text:
        chance = 0.15 if arg.semantic in ("date", "duration") else 0.7
    if arg.semantic in _QUOTED_KINDS:
        chance = max(chance, 0.45)
    return mark if rng.random() < chance else ""


def _listed(marks: list[str], rng: Random) -> str:
    style = rng.random()
    if style < 0.3:
        return " ".join(marks)
    if style < 0.5:
        return ", ".join(marks)
    return f"{', '.join(marks[:-1])} and {marks[-1]}"


def _with_noun(arg: Arg, mark: str, before: str, after: str, rng: Random) -> str:
    """``merge 42`` → ``merge PR #42``, where the sentence has no such word there already."""
    forms = _TAKES_NOUN.get(arg.semantic, ())
    if not forms or rng.random() > (0.5 if arg.semantic.endswith("_number") else 0.22):
        return mark
    around = f"{' '.join(before.split()[-2:])} {' '.join(after.split()[:2])}".lower()
    nouns = [noun.lower() for noun in NOUNS.get(arg.semantic, ())]
    if any(noun in around for noun in nouns) or (before[-1:] in "#@/:=" and before):
        return mark
    if not _WANTS_NOUN_AFTER.search(before) or after[:1] in "/:.'":
        return mark
    if arg.semantic == "user" and not re.search(r"\b(to|by|from|for|with|of|at)\s*$", before):
        return mark
    return rng.choice(forms).replace("{v}", mark)
