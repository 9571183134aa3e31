"""Vary how a request is worded without changing what it asks: frames, synonyms, case, slips.

Works on text whose values are private characters (see ``fill.py``), so values stay as they are.
"""

from __future__ import annotations

import re
from functools import cache
from random import Random

from clitron_dagster.generate import lexicon
from clitron_dagster.generate.fill import is_mark
from clitron_dagster.generate.words import first_word, mood

_ARTICLE = re.compile(r"\b(?:the|a|an) (?=[a-z])")
_TAIL_FRAME = re.compile(r"\{x\}.+")
_KEYBOARD = {
    "a": "sq", "b": "vn", "c": "xv", "d": "sf", "e": "wr", "f": "dg", "g": "fh", "h": "gj",
    "i": "uo", "j": "hk", "k": "jl", "l": "k", "m": "n", "n": "bm", "o": "ip", "p": "o", "q": "wa",
    "r": "et", "s": "ad", "t": "ry", "u": "yi", "v": "cb", "w": "qe", "x": "zc", "y": "tu",
    "z": "x",
}  # fmt: skip


def dress(
    text: str,
    rng: Random,
    *,
    avoid: frozenset[str],
    open_ended: bool = False,
    typo: bool = False,
    plain: bool = False,
    typed: bool = False,
    reads: bool = True,
    commands: frozenset[str] = frozenset(),
) -> str:
    """One natural wording of ``text``.

    ``avoid``: words that name other commands; ``open_ended``: nothing may follow; ``plain``: keep
    the wording (an author's own), change little; ``typed``: the command line's own words, which
    take no frame; ``reads``: the command only shows something.
    """
    kind = mood(text, commands)
    if typed:
        text = rng.choices(("", "run ", "just "), (90, 7, 3))[0] + text
        return slip(text, rng) if typo else text
    if not plain:
        text = _swap(text, rng, avoid)
        if rng.random() < 0.13:
            text = _ARTICLE.sub("", text, count=1 if rng.random() < 0.5 else 0)
        text = _frame(text, kind, rng, open_ended, reads)
    elif rng.random() < 0.15:
        text = _frame(text, kind, rng, open_ended, reads)
    text = _case(text, rng)
    if typo:
        text = slip(text, rng)
    return text if open_ended else text + _ending(text, kind, rng)


def _frame(text: str, kind: str, rng: Random, open_ended: bool, reads: bool) -> str:
    if kind == "statement" or (kind == "thing" and not reads):
        return (
            f"{text} please"
            if rng.random() < 0.03 and not open_ended and text[-1] not in "?!."
            else text
        )
    frames = {"order": _ORDER, "question": _QUESTION, "thing": _THING}[kind]
    if kind == "order" and text.lower().split()[1:2] == ["me"]:
        frames = _ORDER_ME
    frame = rng.choices(frames[0], cum_weights=frames[1])[0]
    if open_ended and _TAIL_FRAME.search(frame):
        return text
    if frame != "{x}":
        text = lower_first(text).rstrip("?!. ")
        if first_word(text) in ("please", "pls", "can", "could"):
            return text
    return frame.replace("{x}", text)


def _weighted(frames: tuple[tuple[int, str], ...]) -> tuple[list[str], list[int]]:
    total, sums = 0, []
    for weight, _ in frames:
        total += weight
        sums.append(total)
    return [frame for _, frame in frames], sums


_ORDER = _weighted(lexicon.FRAMES)
_ORDER_ME = _weighted(tuple(f for f in lexicon.FRAMES if not f[1].startswith(lexicon.NOT_WITH_ME)))
_QUESTION = _weighted(lexicon.QUESTION_FRAMES)
_THING = _weighted(lexicon.NOUN_FRAMES)


@cache
def _swap_patterns() -> list[tuple[re.Pattern[str], str, tuple[str, ...]]]:
    return [
        (re.compile(rf"(?<![\w-]){re.escape(word)}(?![\w-])"), word, others)
        for word, others in lexicon.SWAPS
    ]


def _swap(text: str, rng: Random, avoid: frozenset[str]) -> str:
    if rng.random() > 0.38:
        return text
    found = [(p, others) for p, word, others in _swap_patterns() if word in text and p.search(text)]
    rng.shuffle(found)
    for pattern, others in found[: rng.choice((1, 1, 2))]:
        legal = [other for other in others if not set(other.lower().split()) & avoid]
        if legal:
            chosen = rng.choice(legal)
            text = pattern.sub(lambda _, chosen=chosen: chosen, text, count=1)  # type: ignore[misc]
    return text


def lower_first(text: str) -> str:
    """Lower case for the first letter, unless it begins a name such as ``PR`` or ``I``."""
    if len(text) > 1 and text[0].isupper() and (text[1].islower() or text[1] in " '"):
        return text[0].lower() + text[1:]
    return text


def _case(text: str, rng: Random) -> str:
    roll = rng.random()
    if roll < 0.30:
        return text.lower()
    text = lower_first(text)
    if roll < 0.48 and text and not is_mark(text[0]):
        return text[0].upper() + re.sub(r"\bi\b", "I", text[1:])
    return text


def _ending(text: str, kind: str, rng: Random) -> str:
    if not text or text[-1] in "?!.,":
        return ""
    bare = text.lower()
    asks = kind == "question" or bare.startswith(lexicon.ASKING_FRAMES)
    roll = rng.random()
    if asks:
        return "?" if roll < 0.5 else ""
    if is_mark(text[-1]):
        return ""  # "app.py." would not be the file's name any more
    return "." if roll < 0.05 else "!" if roll < 0.06 else ""


def slip(text: str, rng: Random) -> str:
    """One slip of the keyboard in one word of four letters or more."""
    words = list(re.finditer(r"(?<![\w-])[A-Za-z]{4,}(?![\w'-])", text))
    if not words:
        return text
    match = rng.choice(words)
    return text[: match.start()] + mistype(match[0], rng) + text[match.end() :]


def mistype(word: str, rng: Random) -> str:
    at = rng.randint(1, len(word) - 2)
    kind = rng.random()
    if kind < 0.38:
        return word[:at] + word[at + 1] + word[at] + word[at + 2 :]
    if kind < 0.64:
        return word[:at] + word[at + 1 :]
    if kind < 0.8:
        return word[:at] + word[at] + word[at:]
    return word[:at] + rng.choice(_KEYBOARD.get(word[at].lower(), "e")) + word[at + 1 :]
