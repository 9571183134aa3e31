"""Rules that the rows must keep together: no contradiction, nothing from the evaluation, variety.

Each function returns ``row index → fault`` for the rows to leave out.
"""

from __future__ import annotations

import json
import re
from collections import Counter, defaultdict
from collections.abc import Hashable, Iterable
from itertools import pairwise
from typing import Any

from clitron_dagster.prompt import context_items
from clitron_dagster.schema import Schema
from clitron_dagster.validate.rows import CURATED, FEEDBACK, WRITTEN, Row
from clitron_dagster.validate.rules import Checked
from clitron_dagster.validate.similar import near_matches, near_pairs, normal

SET_RULES = ("contradiction", "contamination", "diversity")


def _answer_key(checked: Checked) -> str:
    """What an answer says; of a clarification only the case counts, not its words."""
    row = checked.row
    return row.output if row.kind == "command" else row.kind


def _context_key(schema: Schema, checked: Checked) -> Hashable:
    return tuple(context_items(schema, checked.row.context))


def contradictions(schema: Schema, rows: list[Checked]) -> dict[int, str]:
    """Rows whose prompt is that of others with another answer.

    The author's answer wins, else feedback's, else that of more than half of the rows, else none
    is kept. Case makes
    no difference in prompt and answer, since ``Fix`` and ``fix`` rightly give different values.
    """
    prompts: dict[Hashable, list[int]] = defaultdict(list)
    for index, checked in enumerate(rows):
        prompts[normal(checked.row.instruction), _context_key(schema, checked)].append(index)
    faults = {}
    for members in prompts.values():
        answers = {index: _answer_key(rows[index]).casefold() for index in members}
        if len(set(answers.values())) == 1:
            continue
        right = _right_answer(
            list(answers.values()),
            {answers[i] for i in members if rows[i].row.source == CURATED}
            or {answers[i] for i in members if rows[i].row.source == FEEDBACK},
        )
        for index in members:
            if answers[index] != right:
                others = [i for i in members if answers[i] != answers[index]]
                other = next((i for i in others if answers[i] == right), others[0])
                faults[index] = f"the same request is answered with {rows[other].row.output}"
    return faults


def _right_answer(answers: list[str], by_author: set[str]) -> str | None:
    if by_author:
        return next(iter(by_author)) if len(by_author) == 1 else None
    answer, votes = Counter(answers).most_common(1)[0]
    return answer if votes * 2 > len(answers) else None


def contaminated(
    rows: list[Checked], requests: list[tuple[str, str]], threshold: float
) -> dict[int, str]:
    """Rows whose text is, or nearly is, that of a held-out request ``(place, text)``."""
    texts = [normal(checked.row.instruction) for checked in rows]
    others = [normal(text) for _, text in requests]
    faults: dict[int, str] = {}
    for index, other, similarity in near_matches(texts, others, threshold):
        place, text = requests[other]
        faults.setdefault(index, f"{place}, {text!r} ({similarity:.2f} alike)")
    return faults


def duplicates(schema: Schema, rows: list[Checked], threshold: float) -> dict[int, str]:
    """Rows that teach nothing new: answer and context of another row, and nearly its text.

    The same phrase with other values has another answer, so it stays. Rows that a person wrote stay
    unless they are equal; of others the one with the lowest id, whatever the order of the file.
    """
    rank = {source: place for place, source in enumerate(WRITTEN)}
    order = sorted(
        range(len(rows)),
        key=lambda i: (rank.get(rows[i].row.source, len(WRITTEN)), rows[i].row.id),
    )
    buckets: dict[Hashable, dict[str, int]] = defaultdict(dict)
    faults = {}
    for index in order:
        same = buckets[_answer_key(rows[index]), _context_key(schema, rows[index])]
        first = same.setdefault(normal(rows[index].row.instruction), index)
        if first != index:
            faults[index] = f"the same as {rows[first].row.instruction!r}"
    for same in buckets.values():
        texts, indexes = list(same), list(same.values())
        for a, b, similarity in sorted(near_pairs(texts, threshold)):
            kept, extra = indexes[a], indexes[b]
            if {kept, extra}.isdisjoint(faults) and rows[extra].row.source not in WRITTEN:
                text = rows[kept].row.instruction
                faults[extra] = f"nearly the same as {text!r} ({similarity:.2f} alike)"
    return faults


def diversity(rows: Iterable[Checked]) -> dict[str, float]:
    """How varied the requests are.

    ``distinct_2``: different word pairs among all (Li et al. 2016, distinct-n). ``skeleton_share``:
    different requests among all once values are taken out, so that ten branches merged with one
    phrase count as one.
    """
    pairs: Counter[tuple[str, str]] = Counter()
    skeletons: Counter[str] = Counter()
    for checked in rows:
        words = normal(checked.row.instruction).split()
        pairs.update(pairwise(words))
        skeletons[skeleton(checked.row)] += 1
    return {
        "distinct_2": round(len(pairs) / max(pairs.total(), 1), 4),
        "skeleton_share": round(len(skeletons) / max(skeletons.total(), 1), 4),
    }


def skeleton(row: Row) -> str:
    """The request with the answer's values and all numbers blotted out: its phrase."""
    text = " ".join(row.instruction.split())
    values = [str(value) for value in _flat(json.loads(row.output).get("args", {}).values())]
    for value in sorted(values, key=len, reverse=True):
        text = text.replace(value, "_")
    return normal(re.sub(r"\d+", "_", text))


def _flat(values: Iterable[Any]) -> Iterable[Any]:
    for value in values:
        yield from value if isinstance(value, list) else [value]
