"""splits: divide the dataset into train, val and test, without a leak between them.

Reads   validated_dataset/dataset.jsonl.
Writes  train.jsonl, val.jsonl, test.jsonl (in the order of ids), composition.json (what is where).
Alone   python -m clitron_dagster.splits schemas/git.yaml VALIDATED_DATASET_FOLDER OUT_FOLDER

A row's paraphrase group, joined with every group that holds the same or nearly the same request,
goes to one split. Which one is decided by a hash, never by the order or number of rows: every unit
and response type has the same share in expectation, and rows that are added later move nothing from
test to train. Rows that a person wrote (curated, feedback), and what is near them, go to train: seed
003 tells of a pipeline that split by position and trained on one of its twenty curated rows.
"""

from __future__ import annotations

import hashlib
import json
import sys
from collections import Counter, defaultdict
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

from pydantic import Field

from clitron_dagster.errors import ClitronError
from clitron_dagster.schema import load_schema
from clitron_dagster.stage import Job, Metrics, StageConfig
from clitron_dagster.validate.dataset_rules import skeleton
from clitron_dagster.validate.rows import WRITTEN, Row, read_rows, write_jsonl
from clitron_dagster.validate.similar import near_matches, near_pairs, normal

CODE_VERSION = "1"
SPLITS = ("train", "val", "test")


class SplitsConfig(StageConfig):
    """Settings of splits. Shares are of all groups, 0 to 1."""

    val: float = Field(default=0.08, gt=0, lt=0.5)
    test: float = Field(default=0.08, gt=0, lt=0.5)
    near_duplicate: float = Field(
        default=0.9, gt=0, le=1
    )  # Jaccard over character 5-grams: one split
    curated_share_min: float = Field(default=0.0, ge=0, le=1)  # of train; the stage fails below it
    seed: int = 0


def run(job: Job[SplitsConfig]) -> Metrics:
    """Split the rows of one CLI.

    Raises:
        ClitronError: the dataset cannot be read, a split would be empty or leak, or train holds too
            few curated rows.
    """
    rows = read_rows(job.inputs["validated_dataset"] / "dataset.jsonl", "validated_dataset")
    groups = join_groups(rows, job.config.near_duplicate)
    assigned = assign(rows, groups, job.config)
    parts = {
        name: sorted(
            (row for row, split in zip(rows, assigned, strict=True) if split == name),
            key=lambda row: row.id,
        )
        for name in SPLITS
    }
    _gate(job.config, parts)
    near = job.config.near_duplicate
    held_out = [*parts["val"], *parts["test"]]
    found = [*leaks(parts["train"], held_out, near), *leaks(parts["val"], parts["test"], near)]
    if found:
        pair = f"{found[0]['train']!r} and {found[0]['other']!r}"
        text = f"{len(found)} requests stand in two splits, such as {pair}"
        raise ClitronError(f"{text}; this is a fault of clitron's: please report it")
    for name, part in parts.items():
        write_jsonl(job.out / f"{name}.jsonl", (row.to_json() for row in part))
    table = composition(parts)
    largest = max(Counter(groups).values())
    table["groups"] = {"count": len(set(groups)), "largest_rows": largest}
    text = json.dumps(table, indent=2, ensure_ascii=False)
    (job.out / "composition.json").write_text(text + "\n", encoding="utf-8")
    phrases = {skeleton(row) for row in parts["train"]}
    known = sum(skeleton(row) in phrases for row in parts["test"])
    sizes = {name: len(part) for name, part in parts.items()}
    job.log(f"{sizes['train']} rows to train on, {sizes['val']} val, {sizes['test']} test")
    curated = sum(table["source"].get(source, {}).get("train", 0) for source in WRITTEN)
    return {
        **sizes,
        "groups": len(set(groups)),
        "largest_group_rows": largest,
        "units_without_test": sum(not row["test"] for row in table["unit"].values()),
        "curated_in_train": curated,
        "curated_share_of_train": round(curated / sizes["train"], 4),
        "leaks": len(found),
        "test_phrases_in_train": round(known / sizes["test"], 4),  # with other values, by design
    }


def join_groups(rows: Sequence[Row], near_duplicate: float) -> list[int]:
    """For each row the number of its joined group.

    Rows are joined by ``group``, by the same request, and by nearly the same request. The phrase
    alone joins nothing: "merge X into Y" may stand in every split with other values.
    """
    parent = list(range(len(rows)))

    def find(i: int) -> int:
        while parent[i] != i:
            parent[i] = parent[parent[i]]
            i = parent[i]
        return i

    by_group: dict[str, int] = {}
    by_text: dict[str, int] = {}
    for index, row in enumerate(rows):
        parent[find(index)] = find(by_group.setdefault(row.group, index))
        parent[find(index)] = find(by_text.setdefault(normal(row.instruction), index))
    indexes = list(by_text.values())
    for a, b, _ in near_pairs(list(by_text), near_duplicate):
        parent[find(indexes[a])] = find(indexes[b])
    return [find(index) for index in range(len(rows))]


def assign(rows: Sequence[Row], groups: Sequence[int], config: SplitsConfig) -> list[str]:
    """The split of each row.

    Every paraphrase group has a fixed draw in [0, 1): the lowest values are test, then val, then
    train. A joined group takes the lowest draw of its parts, so growth, which can only add parts,
    moves rows towards test and never back (but for curated rows, which pull theirs into train).
    """
    lowest: dict[int, float] = defaultdict(lambda: 1.0)
    curated = {group for row, group in zip(rows, groups, strict=True) if row.source in WRITTEN}
    for row, group in zip(rows, groups, strict=True):
        lowest[group] = min(lowest[group], draw(row.group, config.seed))

    def split(group: int) -> str:
        if group in curated or lowest[group] >= config.test + config.val:
            return "train"
        return "test" if lowest[group] < config.test else "val"

    return [split(group) for group in groups]


def draw(group: str, seed: int) -> float:
    """A number in [0, 1) that depends on the name of the group alone."""
    return int(hashlib.sha256(f"{seed}:{group}".encode()).hexdigest()[:13], 16) / 16**13


def leaks(
    train: Sequence[Row], other: Sequence[Row], near_duplicate: float = 0.9
) -> list[dict[str, Any]]:
    """Requests of ``other`` that are, or nearly are, in ``train``: texts and similarity."""
    seen = {normal(row.instruction): row for row in train}
    asked = {normal(row.instruction): row for row in other}
    found = [(text, text, 1.0) for text in asked if text in seen]
    texts, others = list(seen), [text for text in asked if text not in seen]
    found += [(texts[i], others[j], s) for i, j, s in near_matches(texts, others, near_duplicate)]
    return [
        {"train": seen[a].instruction, "other": asked[b].instruction, "similarity": round(s, 4)}
        for a, b, s in sorted(found)
    ]


def composition(parts: dict[str, list[Row]]) -> dict[str, Any]:
    """Rows of each split: in all, and by unit, kind, source and whether there is a context."""
    views: dict[str, Callable[[Row], str]] = {
        "unit": lambda row: row.unit or "(none)",
        "kind": lambda row: row.kind,
        "source": lambda row: row.source,
        "context": lambda row: "with" if row.context else "without",
    }
    table: dict[str, Any] = {"rows": {name: len(part) for name, part in parts.items()}}
    for view, of in views.items():
        counts = {name: Counter(map(of, part)) for name, part in parts.items()}
        keys = sorted(set().union(*counts.values()))
        table[view] = {key: {name: counts[name][key] for name in parts} for key in keys}
    return table


def _gate(config: SplitsConfig, parts: dict[str, list[Row]]) -> None:
    total = sum(map(len, parts.values()))
    for name, part in parts.items():
        if not part:
            remedy = "raise num_examples, or the shares of val and test"
            raise ClitronError(f"of {total} rows none would be in {name}; {remedy}")
    train = parts["train"]
    curated = sum(row.source in WRITTEN for row in train)
    if curated < config.curated_share_min * len(train):
        file = "schemas/<cli>.examples.jsonl"
        raise ClitronError(
            f"{curated} of {len(train)} rows in train are curated ({curated / len(train):.1%}, at"
            f" least {config.curated_share_min:.1%} wanted); add rows to {file},"
            " lower num_examples, or lower curated_share_min"
        )


if __name__ == "__main__":
    if len(sys.argv) != 4:
        sys.exit(__doc__)
    _schema_file, _dataset, _out = map(Path, sys.argv[1:])
    _out.mkdir(parents=True, exist_ok=True)
    try:
        _inputs = {"validated_dataset": _dataset}
        _schema = load_schema(_schema_file)
        _job = Job(_schema, _schema_file, SplitsConfig(), _inputs, _out, _out / "work")
        print(json.dumps(run(_job), indent=2))
    except ClitronError as error:
        sys.exit(str(error))
