"""A GGUF carries the calibration that was fitted on its own answers."""

import json
import shutil
from pathlib import Path
from typing import Any

import pytest

from clitron_dagster import calibration
from clitron_dagster.calibration import Calibration
from clitron_dagster.export import calibrate as module
from clitron_dagster.export.calibrate import calibrate, calibration_rows
from clitron_dagster.export.quantize import copy_with
from clitron_dagster.inference.engine import Completion, Engine
from clitron_dagster.inference.llama import read_metadata
from clitron_dagster.inference.predict import predict_rows, predict_with_signals
from clitron_dagster_tests.paths import NOTES
from clitron_dagster_tests.tiny import notes, tiny_gguf

ASKED = [{"id": str(n), "nl": f"show note {n}", "context": None} for n in range(4)]
ANSWER = '{"type":"command","command":"show","subcommand":null,"args":{"id":7},"flags":[]'
FITTED = Calibration(-0.5, (0.1, 0.2, 0.3, 0.4), 60)


def val_file(folder: Path) -> Path:
    answer = {"type": "command", "command": "list", "subcommand": None, "args": {}, "flags": []}
    row: dict[str, Any] = {"unit": "list", "kind": "command", "context": None}
    row["output"] = json.dumps({**answer, "confidence": 0.95})
    lines = [json.dumps({**row, "id": str(n), "instruction": f"list {n}"}) for n in range(30)]
    file = folder / "val.jsonl"
    file.write_text("\n".join(lines) + "\n")
    return file


def test_rows_that_were_written_for_it_come_first(tmp_path: Path) -> None:
    val = val_file(tmp_path)
    rows, origin = calibration_rows(notes(), NOTES, val, 20)
    assert (len(rows), origin) == (20, "generated")
    schema_file = tmp_path / "notes.yaml"
    shutil.copy(NOTES, schema_file)
    beside = schema_file.with_suffix(".calibration.jsonl")
    beside.write_text(
        '{"request": "all of them", "argv": "notes list"}\n{"request": "?", "clarify": "What?"}\n'
    )
    rows, origin = calibration_rows(notes(), schema_file, val, 20)
    assert ({row.request for row in rows}, origin) == ({"all of them", "?"}, "written")
    assert sorted(row.wants_clarification for row in rows) == [False, True]


def test_confidence_of_a_calibrated_file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    file = tmp_path / "calibrated.gguf"
    copy_with(tiny_gguf(), file, {calibration.KEY: FITTED.to_text()})
    assert calibration.parse(read_metadata(file)[calibration.KEY]) == FITTED

    def answers(self: Engine, prompts: list[str], *_: Any, **__: Any) -> list[Completion]:
        """What a trained model would write, less sure from row to row."""
        tokens = self.tokenize(ANSWER, special=False)
        return [
            Completion(ANSWER, tokens, [-0.1 * row] * len(tokens), 1.0, ended=True)
            for row in range(len(prompts))
        ]

    monkeypatch.setattr(Engine, "complete_batch", answers)
    with Engine(tiny_gguf(), parallel=4) as plain, Engine(file, parallel=4) as fitted:
        raw = list(predict_with_signals(plain, notes(), ASKED))
        made = list(predict_rows(fitted, notes(), ASKED))
    assert [row["confidence"] for row, _ in raw] == sorted(
        (row["confidence"] for row, _ in raw), reverse=True
    )
    for (before, signals), after in zip(raw, made, strict=True):
        assert signals is not None
        assert before["confidence"] == pytest.approx(signals.probability, abs=1e-4)
        assert after["confidence"] == pytest.approx(FITTED.confidence(signals), abs=1e-4)


def test_what_is_fitted(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    rows, _ = calibration_rows(notes(), NOTES, val_file(tmp_path), 5)
    fitted, record = calibrate(tiny_gguf(), notes(), rows, 16)
    assert fitted is None  # five rows are too few
    assert record == {"rows": 5, "right": 0, "fitted": False}
    monkeypatch.setattr(module, "fit", lambda signals, *_: FITTED if len(signals) == 5 else None)
    fitted, record = calibrate(tiny_gguf(), notes(), rows, 16)
    assert fitted == FITTED
    assert record["model"] == FITTED.to_text()
