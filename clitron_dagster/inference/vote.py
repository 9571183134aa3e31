"""The structure prior's say in decoding: where an answer may go on in several ways, both vote.

The product of the model's and the prior's probabilities decides (a product of experts; G. Hinton,
"Training products of experts by minimizing contrastive divergence", 2002), token by token, so that no
answer has to be written twice. ``outline.py`` knows the ways, a token may go along several of them or
through more than one choice.
"""

from __future__ import annotations

import math
from collections.abc import Sequence

from clitron_dagster.inference.outline import Free, Node, Outline, Way
from clitron_dagster.inference.structure_prior import ASK, Reading

_UNSURE = 0.02  # the least probability of a command or option: none is ever ruled out
_NEVER = -1e9


class Vote:
    """What the prior says of one request's answer while it is being written."""

    def __init__(self, outline: Outline, reading: Reading) -> None:
        self._outline, self._reading = outline, reading
        units = outline.schema.units
        even = _UNSURE / (len(units) + 1)
        # Labels that the schema has no more take no part, new ones the least.
        share = {key: reading.units.get(key, 0.0) for key in (*(u.key for u in units), ASK)}
        total = sum(share.values()) or 1.0
        self._units = {key: even + (1 - _UNSURE) * p / total for key, p in share.items()}
        self._commands: dict[str, float] = {}
        for unit in units:
            self._commands[unit.command] = (
                self._commands.get(unit.command, 0) + self._units[unit.key]
            )

    def weights(self, text: str, pieces: Sequence[str]) -> list[float] | None:
        """For each piece that may follow ``text``, the most likely first, what is added to its
        log-probability; None where the prior has no opinion.

        Within a value the model alone decides whether it ends; where it does, what comes behind it is
        voted on.
        """
        node, written = self._outline.place(text)
        if isinstance(node, Free):
            ends = [_end(node, written + piece) for piece in pieces]
            if ends[0] is None:
                return None
            then = node.then()
            return [
                _NEVER if end is None else _log(self._share(then, (written + piece)[end:]))
                for piece, end in zip(pieces, ends, strict=True)
            ]
        left = self._share(node, written)
        return [_log(self._share(node, written + piece)) - _log(left) for piece in pieces]

    def log_p(self, text: str) -> float:
        """Logarithm of the probability of the structure that an answer has."""
        return _log(self._share(self._outline.start, text))

    def _share(self, node: Node, text: str) -> float:
        """The probability that what is written from ``node`` on begins with ``text``."""
        if not text:
            return 1.0
        if isinstance(node, Free):
            end = _end(node, text)
            return 1.0 if end is None else self._share(node.then(), text[end:])
        shares = []
        for way, p in zip(node.ways, self._probabilities(node.ways), strict=True):
            if way.text.startswith(text):
                shares.append(p)
            elif text.startswith(way.text):
                shares.append(p * self._share(way.then(), text[len(way.text) :]))
        judged = any(way.label[0] for way in node.ways)
        return sum(shares) if judged else max(shares, default=1.0)

    def _probabilities(self, ways: Sequence[Way]) -> list[float]:
        """Of each way; 1 for all where the prior has no opinion.

        Options stand in the schema's order, so taking one means to have left out those before it.
        """
        found = []
        so_far = 1.0
        for way in ways:
            kind, key, name = way.label
            if kind == "kind":
                ask = self._units[ASK]
                found.append(ask if key == ASK else 1 - ask)
            elif kind == "command":
                found.append(self._commands[key] / (1 - self._units[ASK]))
            elif kind == "unit":
                found.append(self._units[key] / self._commands[name or ""])
            elif kind == "option":
                p = self._reading.options(key).get(name or "", _UNSURE)
                p = min(max(p, _UNSURE), 1 - _UNSURE)
                found.append(so_far * p)
                so_far *= 1 - p
            else:
                found.append(so_far if kind == "end" else 1.0)
        return found


def _end(node: Free, text: str) -> int | None:
    """Where a value ends in ``text``; None where it may go on."""
    found = node.shape.match(text)
    if found is None or (node.open_ended and found.end() == len(text)):
        return None
    return found.end()


def _log(p: float) -> float:
    return math.log(max(p, 1e-300))
