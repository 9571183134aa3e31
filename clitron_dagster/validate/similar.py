"""Which requests are the same text, and which nearly: character 5-grams, MinHash, exact Jaccard.

LSH only proposes pairs; each is confirmed by the exact Jaccard similarity of the two sets, so that
nothing is called near that is not.
"""

from __future__ import annotations

import math
import re
import unicodedata
import zlib
from collections.abc import Iterator, Sequence
from itertools import combinations

SHINGLE_CHARS = 5
_PERMUTATIONS = 120
_MISSED = 1e-5  # share of the pairs at the threshold that LSH may fail to propose
_FEW = 40  # up to here comparing all pairs is faster than an index
_CLOSING = re.compile(r"(?<=\w)[.,;:!?]+(?=\s|$)")


def normal(text: str) -> str:
    """The text without what makes no difference to a reader: case, spacing, closing punctuation."""
    text = unicodedata.normalize("NFKC", text).casefold()
    return " ".join(_CLOSING.sub("", " ".join(text.split())).split())


def shingles(normal_text: str) -> frozenset[str]:
    """Character 5-grams; the text itself when it is shorter."""
    last = max(len(normal_text) - SHINGLE_CHARS, 0)
    return frozenset(normal_text[at : at + SHINGLE_CHARS] for at in range(last + 1))


def jaccard(a: frozenset[str], b: frozenset[str]) -> float:
    common = len(a & b)
    return common / (len(a) + len(b) - common)


def near_pairs(texts: Sequence[str], threshold: float) -> Iterator[tuple[int, int, float]]:
    """``(i, j, similarity)``, ``i < j``, of normal texts at least ``threshold`` alike."""
    sets = [shingles(text) for text in texts]
    if len(texts) <= _FEW:
        pairs: Iterator[tuple[int, int]] = combinations(range(len(texts)), 2)
    else:
        pairs = ((j, i) for i, j in _proposed(sets, sets, threshold) if j < i)
    yield from _confirmed(sets, sets, pairs, threshold)


def near_matches(
    texts: Sequence[str], others: Sequence[str], threshold: float
) -> Iterator[tuple[int, int, float]]:
    """``(i, j, similarity)`` of ``texts[i]`` and ``others[j]``, both normal, that are near."""
    sets, other_sets = [shingles(text) for text in texts], [shingles(text) for text in others]
    proposed = _proposed(sets, other_sets, threshold)
    yield from _confirmed(sets, other_sets, proposed, threshold)


def _confirmed(
    sets: list[frozenset[str]],
    others: list[frozenset[str]],
    pairs: Iterator[tuple[int, int]],
    threshold: float,
) -> Iterator[tuple[int, int, float]]:
    for i, j in pairs:
        a, b = sets[i], others[j]
        if min(len(a), len(b)) >= threshold * max(len(a), len(b)):
            similarity = jaccard(a, b)
            if similarity >= threshold:
                yield i, j, similarity


def _proposed(
    sets: list[frozenset[str]], others: list[frozenset[str]], threshold: float
) -> Iterator[tuple[int, int]]:
    # here, since it takes half a second to import
    from datasketch import MinHash, MinHashLSH

    if not sets or not others:
        return

    def sketches(of: list[frozenset[str]]) -> Iterator[MinHash]:
        encoded = ([shingle.encode() for shingle in one] for one in of)
        sketch: Iterator[MinHash] = MinHash.generator(
            encoded, num_perm=_PERMUTATIONS, hashfunc=zlib.crc32
        )
        return sketch

    index = MinHashLSH(num_perm=_PERMUTATIONS, params=_bands(threshold))
    kept = []
    for j, sketch in enumerate(sketches(others)):
        index.insert(j, sketch)
        kept.append(sketch)
    for i, sketch in enumerate(kept if others is sets else sketches(sets)):
        for j in sorted(index.query(sketch)):
            yield i, j


def _bands(threshold: float) -> tuple[int, int]:
    """``(bands, rows)`` with the most rows (fewest false proposals) that misses next to nothing."""
    for rows in range(_PERMUTATIONS // 2, 1, -1):
        bands = _PERMUTATIONS // rows
        if math.pow(1 - threshold**rows, bands) <= _MISSED:
            return bands, rows
    return _PERMUTATIONS, 1
