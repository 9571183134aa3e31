"""Commands of a schema whose words are nearest to a request's: what else it may have meant."""

from __future__ import annotations

import math
import re
from collections import Counter

from clitron_dagster.schema import Schema, Unit

_STEM = 5  # letters; "branches" and "branch" count as one word


def nearby(schema: Schema, request: str, *, but: Unit | None = None, count: int = 3) -> list[Unit]:
    """At most ``count`` units that share words with ``request``, nearest first, without ``but``.

    A shared word counts by its rarity among the units (inverse document frequency).
    """
    texts = {unit.key: _words(_text(unit)) for unit in schema.units}
    seen = Counter(word for words in texts.values() for word in words)
    asked = _words(request)

    def nearness(unit: Unit) -> float:
        shared = asked & texts[unit.key]
        weight = sum(math.log(len(texts) / seen[word]) for word in shared)
        return weight / math.sqrt(len(texts[unit.key]) or 1)

    near = [(nearness(unit), unit) for unit in schema.units if but is None or unit.key != but.key]
    near.sort(key=lambda pair: (-pair[0], pair[1].key))
    return [unit for score, unit in near[:count] if score > 0]


def _text(unit: Unit) -> str:
    node = unit.node
    return " ".join((unit.key, *node.aliases, node.description, *node.natural_language))


def _words(text: str) -> set[str]:
    return {word[:_STEM] for word in re.findall(r"\w+", text.lower())}
