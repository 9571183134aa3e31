"""Slots of a template: ``{file}``; ``{file#1}`` is a list's item, ``{commit~1}`` a value's part."""

from __future__ import annotations

import re

SLOT = re.compile(r"\{([^{}\s]+)\}")


def slot_of(name: str, piece: str = "") -> str:
    return "{" + name + piece + "}"


def slot_name(inside: str) -> str:
    return re.split("[#~]", inside, maxsplit=1)[0]


# Braces that an author wrote (``stash@{0}``) wait as private characters until the wording is done.
_HIDDEN = str.maketrans({"{": "\uf8f0", "}": "\uf8f1"})
_SHOWN = str.maketrans({"\uf8f0": "{", "\uf8f1": "}"})


def hide_braces(text: str) -> str:
    return text.translate(_HIDDEN)


def show_braces(text: str) -> str:
    return text.translate(_SHOWN)
