"""splits: shares, safety of groups, growth, the author's rows, leaks, the gate."""

from __future__ import annotations

import json
from collections import Counter
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from clitron_dagster.errors import ClitronError
from clitron_dagster.schema import Schema
from clitron_dagster.splits import (
    SPLITS,
    SplitsConfig,
    assign,
    composition,
    draw,
    join_groups,
    leaks,
    run,
)
from clitron_dagster.stage import Job
from clitron_dagster.validate.rows import Row, write_jsonl

CONFIG = SplitsConfig()


def row(text: str, group: str = "", **more: Any) -> Row:
    known = {"unit": "status", "kind": "command", "source": "offline", "context": None}
    return Row(**{**known, "instruction": text, "group": group or text, "output": "{}", **more})


def split(rows: list[Row], config: SplitsConfig = CONFIG) -> dict[str, str]:
    """``row id → split``."""
    assigned = assign(rows, join_groups(rows, config.near_duplicate), config)
    return {item.id: name for item, name in zip(rows, assigned, strict=True)}


def many(count: int, **more: Any) -> list[Row]:
    """Rows whose requests have nothing in common."""
    return [row(f"{draw(str(n), 7):.12f}"[2:], **more) for n in range(count)]


def test_shares_hold_for_every_unit_and_kind() -> None:
    rows: list[Row] = []
    for unit in "abc":
        for kind in ("command", "clarification:missing_arg"):
            texts = many(6000)[len(rows) : len(rows) + 1000]
            rows += [Row(**{**r.__dict__, "unit": unit, "kind": kind}) for r in texts]
    found = split(rows)
    for unit in "abc":
        for kind in ("command", "clarification:missing_arg"):
            counts = Counter(found[r.id] for r in rows if (r.unit, r.kind) == (unit, kind))
            assert 50 < counts["val"] < 115
            assert 50 < counts["test"] < 115


def test_order_changes_nothing() -> None:
    rows = many(300)
    assert split(rows) == split(rows[::-1])


def test_seed_draws_another_split() -> None:
    assert split(many(300)) != split(many(300), SplitsConfig(seed=1))


def test_group_and_text_hold_together_whatever_the_values() -> None:
    long = "please land the pull request number {} as soon as the team of {} has approved it today"
    rows = [
        *(row(text, group="g") for text in ("one way", "quite another", "third phrase")),
        *(row("the same words", group=f"h{n}", unit=f"u{n}") for n in range(30)),
        row(long.format(17, "security"), group="a"),
        row(long.format(17, "security") + "!!", group="b"),
        row(long.format(17, "securitys"), group="c"),
        row(long.format(923_441, "platform-operations"), group="d"),
    ]
    groups = join_groups(rows, 0.9)
    assert len(set(groups[:3])) == 1
    assert len(set(groups[3:33])) == 1
    assert groups[33] == groups[34] == groups[35] != groups[36]


def test_curated_rows_and_what_is_near_them_go_to_train() -> None:
    rows = many(400)
    before = split(rows)
    in_test = [r for r in rows if before[r.id] == "test"]
    curated = [Row(**{**r.__dict__, "source": "curated", "output": "[]"}) for r in in_test]
    found = split([*rows, *curated])
    assert all(found[r.id] == "train" for r in (*curated, *in_test))


_WORDS = st.sampled_from(["show", "merge", "the", "log", "of", "main", "branch", "7", "now"])
_ROWS = st.builds(
    row,
    st.lists(_WORDS, min_size=1).map(" ".join),
    st.sampled_from([f"g{n}" for n in range(40)]),
    unit=st.sampled_from("ab"),
)
_ORDER = {name: rank for rank, name in enumerate(SPLITS)}


@settings(max_examples=150, deadline=None)
@given(st.lists(_ROWS, max_size=40), st.lists(_ROWS, max_size=40), st.floats(0.5, 1))
def test_growth_moves_nothing_back(old: list[Row], new: list[Row], near: float) -> None:
    config = SplitsConfig(val=0.2, test=0.2, near_duplicate=near)
    before, after = split(old, config), split([*new, *old], config)
    assert all(_ORDER[after[item]] >= _ORDER[before[item]] for item in before)


@settings(max_examples=100, deadline=None)
@given(st.lists(_ROWS, min_size=1, max_size=60), st.floats(0.5, 1))
def test_no_split_leaks_into_another(rows: list[Row], near: float) -> None:
    config = SplitsConfig(val=0.3, test=0.3, near_duplicate=near)
    found = split(rows, config)
    parts = [[r for r in rows if found[r.id] == name] for name in SPLITS]
    for a, b in ((0, 1), (0, 2), (1, 2)):
        assert leaks(parts[a], parts[b], near) == []
        assert {r.group for r in parts[a]}.isdisjoint(r.group for r in parts[b])


def test_leaks_are_found() -> None:
    train = [row("Show me the log of the main branch, please"), row("status")]
    other = [row("show me the log of the main branch please!"), row("something else")]
    other.append(row("show me the log of the main branch, pleases"))
    found = leaks(train, other, 0.9)
    assert [item["similarity"] for item in found] == sorted(
        [1.0, found[-1]["similarity"]], reverse=True
    )
    assert {item["other"] for item in found} == {other[0].instruction, other[2].instruction}
    assert leaks(train, []) == leaks([], other) == []


def test_composition_counts_every_view() -> None:
    parts = {
        "train": [row("a", source="curated"), row("b", unit="")],
        "val": [row("c", context={"git": {}})],
        "test": [],
    }
    table = composition(parts)
    assert table["rows"] == {"train": 2, "val": 1, "test": 0}
    assert table["unit"] == {
        "(none)": {"train": 1, "val": 0, "test": 0}, "status": {"train": 1, "val": 1, "test": 0}
    }  # fmt: skip
    assert table["source"]["curated"] == {"train": 1, "val": 0, "test": 0}
    assert table["context"]["with"] == {"train": 0, "val": 1, "test": 0}


# -- the stage ------------------------------------------------------------------------------------


def stage(folder: Path, rows: list[Row], **config: Any) -> dict[str, Any]:
    write_jsonl(folder / "dataset.jsonl", (item.to_json() for item in rows))
    return run_on(folder, **config)


def run_on(folder: Path, **config: Any) -> dict[str, Any]:
    out = folder / "out"
    out.mkdir(exist_ok=True)
    schema = Schema.model_validate({"cli_name": "mini", "commands": [{"name": "status"}]})
    inputs = {"validated_dataset": folder}
    settings_ = SplitsConfig(**config)
    return run(
        Job(schema, folder / "mini.yaml", settings_, inputs, out, folder / "work", lambda _: None)
    )


def test_stage_writes_every_row_once(tmp_path: Path) -> None:
    rows = [*many(500), row("by the author", source="curated")]
    metrics = stage(tmp_path, rows)
    ids = []
    for name in SPLITS:
        part = [json.loads(line) for line in (tmp_path / "out" / f"{name}.jsonl").open()]
        assert [item["id"] for item in part] == sorted(item["id"] for item in part)
        assert len(part) == metrics[name] > 0
        ids += [item["id"] for item in part]
    assert sorted(ids) == sorted(item.id for item in rows)
    table = json.loads((tmp_path / "out" / "composition.json").read_text())
    assert table["source"]["curated"] == {"train": 1, "val": 0, "test": 0}
    assert metrics["curated_in_train"] == 1
    assert metrics["leaks"] == 0


@pytest.mark.parametrize("rows", [[], [row("only one")]])
def test_too_few_rows(tmp_path: Path, rows: list[Row]) -> None:
    with pytest.raises(ClitronError, match=r"none would be in .*; raise num_examples"):
        stage(tmp_path, rows)


def test_too_few_curated_rows(tmp_path: Path) -> None:
    rows = [*many(500), row("by the author", source="curated")]
    with pytest.raises(
        ClitronError, match=r"1 of \d+ rows in train are curated \(0.2%, at least 5"
    ):
        stage(tmp_path, rows, curated_share_min=0.05)


def test_a_leak_fails_the_stage(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(
        "clitron_dagster.splits.join_groups", lambda rows, _: list(range(len(rows)))
    )
    with pytest.raises(ClitronError, match="stand in two splits"):
        stage(tmp_path, [row("the same", group=f"g{n}", unit=str(n)) for n in range(200)])


def test_malformed_line_is_named(tmp_path: Path) -> None:
    (tmp_path / "dataset.jsonl").write_text("{}\n")
    with pytest.raises(ClitronError, match=r"dataset\.jsonl:1: `unit` is not text"):
        run_on(tmp_path)


def test_val_and_test_leave_room_for_train() -> None:
    with pytest.raises(ValueError, match="less than"):
        SplitsConfig(val=0.5)
