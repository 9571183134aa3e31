from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from clitron_dagster.evaluate.human_rows import (
    check_file,
    load_human_rows,
    main,
)
from clitron_dagster.evaluate.rows import RowsError, load_test_rows
from clitron_dagster.schema import Schema, load_schema
from clitron_dagster.validate.rows import eval_file
from clitron_dagster_tests.paths import SCHEMAS

SEND = {"type": "command", "command": "order", "subcommand": "send", "args": {"id": "a7"},
        "flags": ["fast"]}  # fmt: skip
GOOD: dict[str, Any] = {
    "id": "1",
    "nl": "send a7 fast",
    "context": None,
    "answer": SEND,
    "tags": [],
}


def write(folder: Path, *rows: Any) -> Path:
    file = folder / "rows.jsonl"
    lines = [row if isinstance(row, str) else json.dumps(row) for row in rows]
    file.write_text("\n".join(lines) + "\n", encoding="utf-8")
    return file


def test_good_rows(shop: Schema, tmp_path: Path) -> None:
    ask = {"id": "2", "nl": "sing", "answer": {"type": "clarification", "case": "off_topic"},
           "accept": [{"type": "clarification", "case": "unclear_intent"}, SEND]}  # fmt: skip
    swapped = {**SEND, "args": {"to": "x", "id": "a7"}, "flags": ["gift", "fast"]}
    rows, note = load_human_rows(
        shop, write(tmp_path, GOOD, "", ask, {**GOOD, "id": "3", "nl": "x a7", "answer": swapped})
    )
    assert note is None
    assert [row.unit for row in rows] == ["order send", "", "order send"]
    assert rows[1].case == "off_topic"
    assert rows[1].wants_clarification
    assert [answer["type"] for answer in rows[1].answers] == [
        "clarification", "clarification", "command",
    ]  # fmt: skip
    assert list(rows[2].truth["args"]) == ["id", "to"]
    assert rows[2].truth["flags"] == ["fast", "gift"]


@pytest.mark.parametrize(
    ("change", "text"),
    [
        ({"id": ""}, "`id` must be"),
        ({"nl": "  "}, "`nl` must be"),
        ({"nl": "a" * 2001}, "at most 2000 fit"),
        ({"context": [1]}, "the context is a JSON list"),
        ({"context": {"shop": 3}}, "`shop` is not an object"),
        ({"tags": "x"}, "`tags` must be"),
        ({"note": "x"}, "unknown key `note`"),
        ({"accept": {}}, "`accept` must be a list"),
        ({"accept": [3]}, "accept[0]: not a JSON object"),
        ({"answer": None}, "answer: not a JSON object"),
        ({"answer": {**SEND, "confidence": 1}}, "answer: unknown key `confidence`"),
        ({"answer": {**SEND, "flags": ["fats"]}}, "no flag `fats` (did you mean `fast`?)"),
        ({"answer": {**SEND, "args": {}}}, "`order send` needs `id`"),
        ({"answer": {"type": "clarification", "case": "odd"}}, "case is 'odd'"),
        (
            {"answer": {"type": "clarification", "case": "off_topic", "message": ""}},
            "not `message`",
        ),
    ],
)
def test_each_fault_is_named_with_its_line(
    shop: Schema, tmp_path: Path, change: dict[str, Any], text: str
) -> None:
    file = write(tmp_path, {**GOOD, "id": "0", "nl": "other a7"}, {**GOOD, **change})
    with pytest.raises(RowsError) as error:
        load_human_rows(shop, file)
    assert str(error.value).startswith(f"{file}:2: ")
    assert text in str(error.value)


@pytest.mark.parametrize(
    ("line", "text"),
    [
        ('{"id":', "not JSON"),
        ("[]", "not a JSON object"),
        ('{"id":"1","id":"2"}', "`id` is given twice"),
        ('{"id":NaN}', "`NaN` is no JSON value"),
        ("[" * 100_000, "not JSON"),
    ],
)
def test_lines_that_are_no_rows(shop: Schema, tmp_path: Path, line: str, text: str) -> None:
    [(number, fault)] = check_file(shop, write(tmp_path, line)).faults
    assert number == 1
    assert text in fault


def test_every_fault_is_found(shop: Schema, tmp_path: Path) -> None:
    bad = {"id": "x", "nl": "", "answer": {**SEND, "args": {"id": 3}, "flags": ["a", "b"]}}
    checked = check_file(shop, write(tmp_path, bad, GOOD, GOOD))
    assert [line for line, _ in checked.faults] == [1, 1, 1, 1, 3, 3]
    assert "stand already in line 2" in checked.faults[-1][1]
    assert len(checked.rows) == 1


def test_doubts(shop: Schema, tmp_path: Path) -> None:
    limit = {"type": "command", "command": "list", "subcommand": None, "args": {"limit": 10},
             "flags": []}  # fmt: skip
    unseen = {**GOOD, "id": "2", "nl": "send it", "context": {"shop": {"mood": "a7"}}}
    nowhere = {**GOOD, "id": "3", "nl": "send it"}
    checked = check_file(
        shop, write(tmp_path, {**GOOD, "nl": "list 10", "answer": limit}, unseen, nowhere)
    )
    assert not checked.faults
    assert [line for line, _ in checked.doubts] == [1, 2, 3]


def test_unreadable_files(shop: Schema, tmp_path: Path) -> None:
    assert load_human_rows(shop, tmp_path / "no.jsonl")[0] == []
    assert "is missing" in str(load_human_rows(shop, tmp_path / "no.jsonl")[1])
    (tmp_path / "latin.jsonl").write_bytes(b'{"id":"\xe9"}')
    with pytest.raises(RowsError, match="not UTF-8 at byte 7"):
        check_file(shop, tmp_path / "latin.jsonl")
    with pytest.raises(RowsError, match="cannot be read"):
        check_file(shop, tmp_path)


def test_command_line(shop_file: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main([str(shop_file), str(write(tmp_path, GOOD))]) == 0
    assert "1 rows: 1 commands" in capsys.readouterr().out
    assert main([str(shop_file), str(write(tmp_path, {**GOOD, "id": 3}))]) == 1
    assert "rows.jsonl:1: `id` must be" in capsys.readouterr().out
    assert main([str(shop_file)]) == 1
    assert "cannot be read" in capsys.readouterr().err


@pytest.mark.parametrize("file", sorted(SCHEMAS.glob("*.eval.jsonl")), ids=lambda file: file.name)
def test_shipped_rows_are_sound(file: Path) -> None:
    schema_file = file.with_name(file.name.replace(".eval.jsonl", ".yaml"))
    assert eval_file(schema_file) == file
    rows, _ = load_human_rows(load_schema(schema_file), file)
    assert len(rows) >= (150 if schema_file.stem in ("git", "gh") else 80)


def test_rows_of_a_split(shop: Schema, tmp_path: Path) -> None:
    asked = {"id": "a", "unit": "", "kind": "clarification:off_topic", "source": "offline",
             "group": "g", "instruction": "sing", "context": None,
             "output": json.dumps({"type": "clarification", "message": "?"})}  # fmt: skip
    sent = {**asked, "id": "b", "unit": "order send", "kind": "command",
            "output": json.dumps({**SEND, "confidence": 0.95})}  # fmt: skip
    rows = load_test_rows(shop, write(tmp_path, asked, sent))
    assert [(row.id, row.unit, row.case) for row in rows] == [
        ("a", "", "off_topic"), ("b", "order send", ""),
    ]  # fmt: skip
    with pytest.raises(RowsError, match=r"rows\.jsonl:1: not a row of a split"):
        load_test_rows(shop, write(tmp_path, {**asked, "output": "{"}))
    with pytest.raises(RowsError, match="not a row of a split"):
        load_test_rows(shop, write(tmp_path, "3"))
