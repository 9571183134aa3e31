"""Scores of predicted answers against the truth. Plain functions, no model, no files.

What each score means (a row's ``accept`` holds further right answers; the one that the prediction
matches best counts):

- ``json_valid``: the whole generated text is one JSON object.
- ``schema_valid``: that object is a legal answer of the schema.
- ``exact``: equal to the truth but for the confidence, order of keys, args and flags set aside. For
  a clarification: the prediction is a clarification (its words and suggestions are not compared).
- ``structural``: same type, command and subcommand, same names of args, same flags; values may
  differ.
- ``command``: same command and subcommand, of the rows whose truth is a command.
- ``arg_accuracy``: of all args in the truths, those with the right value under the right command.
- ``flag_accuracy``: of the rows whose truth is a command, those with the right command and exactly
  its set of flags; ``flag_f1`` counts single flags (micro-averaged).
- ``clarification_precision``: of the predicted clarifications, those that are right.
- ``clarification_recall``: of the rows that want a clarification, those that got one.
- ``context``: exact match of the rows that can be answered only with the context: a value of the
  truth stands in the context and not in the request.
"""

from __future__ import annotations

import json
import math
from collections import defaultdict
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from clitron_dagster.answer import Answer, canonical, normalize, problems
from clitron_dagster.evaluate.rows import EvalRow
from clitron_dagster.schema import Schema

MAX_OPTIONS_SHOWN = 4  # rows with this many options or more are one group


@dataclass(frozen=True)
class Proportion:
    """``right`` of ``n`` with the 95 % Wilson interval; all None when n is 0."""

    right: int
    n: int

    def as_dict(self) -> dict[str, Any]:
        low, high = wilson(self.right, self.n)
        value = self.right / self.n if self.n else None
        return {"value": value, "low": low, "high": high, "right": self.right, "n": self.n}


def wilson(right: int, n: int, z: float = 1.959963984540054) -> tuple[float | None, float | None]:
    """Score interval of a proportion: (p + z²/2n ± z·√(p(1−p)/n + z²/4n²)) / (1 + z²/n).

    E. B. Wilson, "Probable inference, the law of succession, and statistical inference", J. Am.
    Stat. Assoc. 22 (1927). It stays inside [0, 1] and is sound for small n and for p near 0 or 1.
    """
    if n == 0:
        return None, None
    p = right / n
    centre = p + z * z / (2 * n)
    spread = z * math.sqrt(p * (1 - p) / n + z * z / (4 * n * n))
    scale = 1 + z * z / n
    low = 0.0 if right == 0 else max(0.0, (centre - spread) / scale)
    high = 1.0 if right == n else min(1.0, (centre + spread) / scale)
    return low, high


def mcnemar_exact(a: Sequence[bool], b: Sequence[bool]) -> dict[str, Any]:
    """Two-sided exact McNemar test of two columns over the same rows.

    With n discordant rows, of which k fall to the rarer side, p = min(1, 2·Σ_{i≤k} C(n, i)/2ⁿ)
    (Q. McNemar, Psychometrika 12 (1947), in its exact binomial form).

    Raises:
        ValueError: the columns differ in length.
    """
    if len(a) != len(b):
        raise ValueError(f"paired columns of {len(a)} and {len(b)} rows")
    only_a = sum(x and not y for x, y in zip(a, b, strict=True))
    only_b = sum(y and not x for x, y in zip(a, b, strict=True))
    n = only_a + only_b
    tail = sum(math.comb(n, i) for i in range(min(only_a, only_b) + 1))
    p = min(1.0, 2 * tail / 2**n)
    return {"only_a": only_a, "only_b": only_b, "n": len(a), "p": p}


# -- one row --------------------------------------------------------------------------------------


@dataclass(frozen=True)
class RowScore:
    """Everything that one prediction adds to the column's scores."""

    json_valid: bool
    schema_valid: bool
    exact: bool
    structural: bool
    command: bool  # False for clarifications on either side
    clarification: bool  # the prediction is one
    args_right: int
    args_total: int
    flags_equal: bool
    flags_hit: int
    flags_extra: int
    flags_missed: int
    answer: Any  # the prediction, normalized; None if it is no JSON object
    faults: tuple[str, ...]


def parse_answer(text: str) -> dict[str, Any] | None:
    """The JSON object that a text is, or None. Anything around the object makes it None."""
    try:
        value = json.loads(text)
    except (ValueError, RecursionError):
        return None
    return value if isinstance(value, dict) else None


def score_row(schema: Schema, row: EvalRow, text: str) -> RowScore:
    """Score one generated text."""
    parsed = parse_answer(text)
    if parsed is None:
        matches = [_compare(truth, {}) for truth in row.answers[:1]]
        faults: tuple[str, ...] = ("the text is not one JSON object",)
        answer = None
    else:
        faults = tuple(problems(schema, parsed))
        answer = normalize(schema, parsed)
        matches = [_compare(truth, answer) for truth in row.answers]
    best = max(matches, key=_quality)
    return RowScore(
        json_valid=parsed is not None,
        schema_valid=not faults,
        clarification=_type(answer) == "clarification",
        answer=answer,
        faults=faults,
        **best,
    )


def _type(answer: Any) -> Any:
    return answer.get("type") if isinstance(answer, dict) else None


def _quality(match: dict[str, Any]) -> tuple[Any, ...]:
    share = match["args_right"] / match["args_total"] if match["args_total"] else 1.0
    return match["exact"], match["structural"], match["command"], match["flags_equal"], share


def _compare(truth: Answer, answer: Answer) -> dict[str, Any]:
    if truth["type"] == "clarification":
        same = _type(answer) == "clarification"
        flags = answer.get("flags") if _type(answer) == "command" else None
        extra = len(flags) if isinstance(flags, list) else 0
        return _match(exact=same, structural=same, flags_extra=extra)
    wanted_args, wanted_flags = truth["args"], set(truth["flags"])
    is_command = _type(answer) == "command"
    same_unit = is_command and all(
        (answer.get(key) or None) == (truth[key] or None) for key in ("command", "subcommand")
    )
    args = answer.get("args") if is_command else None
    args = args if isinstance(args, dict) else {}
    raw = answer.get("flags") if is_command else None
    flags_given = {str(flag) for flag in raw} if isinstance(raw, list) else set()
    hit = len(wanted_flags & flags_given) if same_unit else 0
    right = sum(_same(args[name], value) for name, value in wanted_args.items() if name in args)
    return _match(
        exact=is_command and _same(_bare(answer), _bare(truth)),
        structural=same_unit and set(args) == set(wanted_args) and flags_given == wanted_flags,
        command=same_unit,
        args_right=right if same_unit else 0,
        args_total=len(wanted_args),
        flags_equal=same_unit and flags_given == wanted_flags,
        flags_hit=hit,
        flags_extra=len(flags_given) - hit,
        flags_missed=len(wanted_flags) - hit,
    )


def _match(**found: Any) -> dict[str, Any]:
    counts = ("args_right", "args_total", "flags_hit", "flags_extra", "flags_missed")
    truths = ("exact", "structural", "command", "flags_equal")
    return {**dict.fromkeys(counts, 0), **dict.fromkeys(truths, False), **found}


def _bare(answer: Answer) -> Answer:
    bare = {key: value for key, value in answer.items() if key != "confidence"}
    return {**bare, "subcommand": bare.get("subcommand") or None}


def _same(a: Any, b: Any) -> bool:
    """Equal as JSON: ``1`` is neither ``true`` nor ``1.0`` nor ``"1"``."""
    return canonical(a) == canonical(b)


def needs_context(row: EvalRow) -> bool:
    """True if a value of the truth stands in the context and not in the request."""
    if row.wants_clarification or not row.context:
        return False
    facts = {str(value) for value in _leaves(row.context)}
    values = {str(value) for value in _leaves(row.truth["args"])}
    return any(value in facts and value not in row.request for value in values)


def _leaves(value: Any) -> Iterable[Any]:
    if isinstance(value, Mapping):
        value = list(value.values())
    if isinstance(value, list | tuple):
        for item in value:
            yield from _leaves(item)
    elif value is not None:
        yield value


def option_group(row: EvalRow) -> str:
    """``0`` … ``4+``: number of args and flags in the truth; ``clarification``."""
    if row.wants_clarification:
        return "clarification"
    count = len(row.truth["args"]) + len(row.truth["flags"])
    return str(count) if count < MAX_OPTIONS_SHOWN else f"{MAX_OPTIONS_SHOWN}+"


# -- a column -------------------------------------------------------------------------------------


def column_scores(rows: Sequence[EvalRow], scores: Sequence[RowScore]) -> dict[str, Any]:
    """All scores of one column over one row set: ``{"n", score: {value, low, high, right, n}}``.

    Raises:
        ValueError: there is not one score for each row.
    """
    if len(rows) != len(scores):
        raise ValueError(f"{len(rows)} rows but {len(scores)} scores")
    pairs = list(zip(rows, scores, strict=True))
    commands = [score for row, score in pairs if not row.wants_clarification]
    questions = [score for row, score in pairs if row.wants_clarification]
    asked = [(row, score) for row, score in pairs if score.clarification]
    context = [score for row, score in pairs if needs_context(row)]
    args = Proportion(sum(s.args_right for s in commands), sum(s.args_total for s in commands))
    return {
        "n": len(rows),
        **{
            name: _share(scores, lambda s, name=name: getattr(s, name))  # type: ignore[misc]
            for name in ("json_valid", "schema_valid", "exact", "structural")
        },
        "command": _share(commands, lambda s: s.command),
        "command_exact": _share(commands, lambda s: s.exact),
        "arg_accuracy": args.as_dict(),
        "flag_accuracy": _share(commands, lambda s: s.flags_equal),
        "flag_f1": _flag_f1(scores),
        "clarification_precision": _share(asked, lambda pair: _may_ask(pair[0])),
        "clarification_recall": _share(questions, lambda s: s.exact),
        "context": _share(context, lambda s: s.exact),
        "clarification_by_case": _grouped(
            [(row.case or "?", score) for row, score in pairs if row.wants_clarification]
        ),
        "by_options": _grouped([(option_group(row), score) for row, score in pairs]),
        "by_unit": _grouped([(row.unit, s) for row, s in pairs if not row.wants_clarification]),
        "by_tag": _grouped([(tag, score) for row, score in pairs for tag in row.tags]),
    }


def _share(items: Sequence[Any], right: Callable[[Any], bool]) -> dict[str, Any]:
    return Proportion(sum(bool(right(item)) for item in items), len(items)).as_dict()


def _may_ask(row: EvalRow) -> bool:
    return any(answer["type"] == "clarification" for answer in row.answers)


def _flag_f1(scores: Sequence[RowScore]) -> dict[str, Any]:
    """2·hit / (2·hit + extra + missed) over all flags; ``n`` is the number of flags wanted."""
    hit = sum(s.flags_hit for s in scores)
    extra = sum(s.flags_extra for s in scores)
    missed = sum(s.flags_missed for s in scores)
    total = 2 * hit + extra + missed
    value = 2 * hit / total if total else None
    return {"value": value, "hit": hit, "extra": extra, "missed": missed, "n": hit + missed}


def _grouped(items: Iterable[tuple[str, RowScore]]) -> dict[str, Any]:
    groups: dict[str, list[RowScore]] = defaultdict(list)
    for key, score in items:
        groups[key].append(score)
    return {
        key: {
            "exact": _share(group, lambda s: s.exact),
            "structural": _share(group, lambda s: s.structural),
        }
        for key, group in sorted(groups.items())
    }


def percentile(values: Sequence[float], share: float) -> float | None:
    """Nearest-rank percentile: the smallest value with at least ``share`` of all at or below it."""
    if not values:
        return None
    ordered = sorted(values)
    return ordered[max(math.ceil(share * len(ordered)) - 1, 0)]
