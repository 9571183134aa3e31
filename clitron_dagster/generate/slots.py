"""Slots of a template: ``{file}``; ``{file#1}`` is a list's item, ``{commit~1}`` a value's part."""

from __future__ import annotations

import re

SLOT = re.compile(r"\{([^{}\s]+)\}")


def slot_of(name: str, piece: str = "") -> str:
    return "{" + name + piece + "}"


def slot_name(inside: str) -> str:
    return re.split("[#~]", inside, maxsplit=1)[0]
