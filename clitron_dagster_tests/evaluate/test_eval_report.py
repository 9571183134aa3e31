from __future__ import annotations

import base64
import json
import re
import shutil
from pathlib import Path
from typing import Any

import pytest

from clitron_dagster.answer import canonical
from clitron_dagster.base_model import TINY, embedded_gguf, resolve_base_model
from clitron_dagster.errors import ClitronError
from clitron_dagster.evaluate import columns
from clitron_dagster.evaluate.eval_report import EvalReportConfig, run
from clitron_dagster.evaluate.predictions import Prediction, Predictions
from clitron_dagster.schema import Schema
from clitron_dagster.stage import Job

QUESTION = {"type": "clarification", "message": "Which?", "suggestions": [], "confidence": 0.4}
HUMAN, TEST = 12, 8


def send(order: str, **more: Any) -> dict[str, Any]:
    return {"type": "command", "command": "order", "subcommand": "send", "args": {"id": order},
            "flags": [], "confidence": 0.95, **more}  # fmt: skip


DROP = send("a0", subcommand="drop")


@pytest.fixture
def inputs(tmp_path: Path) -> dict[str, Path]:
    """Artifacts with the right names; their models are fit for nothing but being found."""
    folders = {
        name: tmp_path / name for name in ("splits", "sft_adapter", "dpo_model", "gguf_model")
    }
    for folder in folders.values():
        folder.mkdir()
    for folder in (folders["sft_adapter"], folders["dpo_model"]):
        (folder / "model").mkdir()
        (folder / "model" / "config.json").write_text("{}")
    history = [{"step": 1, "loss": 2.0}, {"step": 2, "loss": 1.0}, {"step": 2, "eval_loss": 1.1}]
    (folders["sft_adapter"] / "training_metrics.json").write_text(
        json.dumps({"log_history": history})
    )
    (folders["dpo_model"] / "training_metrics.json").write_text('{"kept": true}')
    for quant, size in (("f16", 3000), ("q8_0", 2000), ("q4_k_m", 1000)):
        (folders["gguf_model"] / f"clitron-shop-{quant}.gguf").write_bytes(b"x" * size)
    with (folders["splits"] / "test.jsonl").open("w") as sink:
        for index in range(TEST):
            row = {"id": f"t{index}", "unit": "order send", "kind": "command", "source": "offline",
                   "group": "g", "instruction": f"send a{index} | `now`", "context": None,
                   "output": canonical(send(f"a{index}"))}  # fmt: skip
            sink.write(json.dumps(row) + "\n")
    return folders


@pytest.fixture
def job(
    shop: Schema, shop_file: Path, inputs: dict[str, Path], tmp_path: Path
) -> Job[EvalReportConfig]:
    schema_file = tmp_path / "shop.yaml"
    shutil.copyfile(shop_file, schema_file)
    with (tmp_path / "shop.eval.jsonl").open("w") as sink:
        for index in range(HUMAN):
            bare = {k: v for k, v in send(f"a{index}").items() if k != "confidence"}
            answer = bare if index < 9 else {"type": "clarification", "case": "off_topic"}
            context = {"shop": {"current_order": f"a{index}"}} if index < 3 else None
            request = "send <b>this</b>" if index < 3 else f"please send a{index}"
            row = {"id": f"h{index}", "nl": request, "context": context, "answer": answer,
                   "tags": ["polite"]}  # fmt: skip
            sink.write(json.dumps(row) + "\n")
    for name in ("out", "work"):
        (tmp_path / name).mkdir()
    return Job(
        schema=shop,
        schema_file=schema_file,
        config=EvalReportConfig(base_model=TINY, compare_rows=10, base_rows=4),
        inputs=inputs,
        out=tmp_path / "out",
        work=tmp_path / "work",
        log=lambda _: None,
    )


def foretell(job: Job[EvalReportConfig], wrong: dict[str, set[str]], bad: dict[str, Any]) -> None:
    """Fill the work folder with predictions, right but for ``wrong[column]``, as if a run had been
    killed behind the last of them."""
    for column in ("base", "sft", "dpo", "q8_0", "q4_k_m", "q4_k_m-free", "q8_0-free"):
        for prefix, name, count in (("h", "human", HUMAN), ("t", "test", TEST)):
            kept = Predictions(job.work / f"{name}-{column}.jsonl")
            for index in range(count):
                row_id = f"{prefix}{index}"
                right = QUESTION if prefix == "h" and index >= 9 else send(f"a{index}")
                answer = bad if row_id in wrong.get(column, ()) else right
                timed = (100.0 + index, 30) if "q" in column and prefix == "h" else (None, None)
                kept.add([Prediction(row_id, canonical(answer), *timed)])


def test_report_from_foretold_answers(job: Job[EvalReportConfig]) -> None:
    every = {f"h{i}" for i in range(HUMAN)} | {f"t{i}" for i in range(TEST)}
    foretell(job, {"base": every, "sft": {"h0", "h1", "h9"}, "q4_k_m": {"h9", "t1"}}, DROP)
    metrics = run(job)

    assert metrics["recommended_quant"] == "q8_0"  # q4_k_m errs in one of eight test rows
    assert metrics["human_model_n"] == HUMAN
    assert metrics["human_model_exact"] == 1
    assert metrics["human_base_exact"] == 0
    assert metrics["test_model_n"] == TEST
    assert (metrics["latency_p50_ms"], metrics["latency_p99_ms"]) == (105.0, 111.0)
    written = {file.name for file in job.out.iterdir()}
    assert written == {
        "metrics.json", "comparison.json", "report.html", "report.md", "scores.png", "latency.png",
        "groups.png", "loss_sft.png", "confidence_human.png", "confidence_test.png",
    }  # fmt: skip

    found = json.loads((job.out / "metrics.json").read_text())
    human = found["sets"]["human"]["columns"]
    assert found["sets"]["human"]["label"] == "human-phrased rows"
    assert human["q8_0"]["exact"]["n"] == HUMAN
    assert human["sft"]["exact"] == {
        "value": 0.75, "right": 9, "n": 12,
        "low": pytest.approx(0.4677, abs=1e-4), "high": pytest.approx(0.9111, abs=1e-4),
    }  # fmt: skip
    assert human["sft"]["context"]["n"] == 3
    assert human["sft"]["errors"]["destructive"] == 3
    assert human["q8_0"]["by_confidence"]["0.9 and above"]["n"] == 9
    paired = {(p["a"], p["b"]): p for p in found["sets"]["human"]["paired"]}
    assert paired["sft", "dpo"]["only_b"] == 3
    assert ("q8_0", "q8_0-free") in paired
    assert set(found["sets"]) == {"human", "test"}

    table = json.loads((job.out / "comparison.json").read_text())
    assert len(table) == HUMAN + TEST
    cell = next(row for row in table if row["id"] == "h9")["answers"]["sft"]
    assert (cell["exact"], cell["error"], cell["shown"]) == (
        False,
        "destructive",
        "shop order drop a0",
    )

    html = (job.out / "report.html").read_text()
    assert "Human-phrased rows (12)" in html
    assert "Generated test rows (8)" in html
    assert "please send" not in html  # q8_0 has no error to show
    images = re.findall(r'src="data:image/png;base64,([^"]+)"', html)
    assert [base64.b64decode(image)[:4] for image in images] == [b"\x89PNG"] * 6
    assert not re.search(r'(src|href)="(?!data:)', html)


def test_worst_errors_are_shown_and_escaped(job: Job[EvalReportConfig]) -> None:
    wrong = {quant: {"h0", "h4", "t1"} for quant in ("q8_0", "q4_k_m")}
    foretell(job, wrong, DROP)
    assert run(job)["recommended_quant"] == "q4_k_m"
    html, markdown = ((job.out / f"report.{kind}").read_text() for kind in ("html", "md"))
    assert "send &lt;b&gt;this&lt;/b&gt;" in html
    assert "<b>this</b>" not in html
    assert "a destructive command that was not asked for" in html
    assert "| send a1 \\| 'now' | `shop order send a1` | `shop order drop a0` |" in markdown
    lines = markdown.splitlines()
    heads = [i for i, line in enumerate(lines) if line.startswith("|--")]
    assert heads
    for index in heads:
        assert lines[index - 1].count("|") == lines[index].count("|")
        assert lines[index + 1].startswith("|")


def test_without_human_rows_and_dpo(job: Job[EvalReportConfig]) -> None:
    foretell(job, {}, DROP)
    (job.schema_file.parent / "shop.eval.jsonl").unlink()
    text = '{"kept": false, "why": "it was worse"}'
    (job.inputs["dpo_model"] / "training_metrics.json").write_text(text)
    metrics = run(job)
    assert metrics["test_model_exact"] == 1
    assert "human_model_exact" not in metrics
    html = (job.out / "report.html").read_text()
    assert "there are no human-phrased rows" in html
    assert "DPO was not kept (it was worse)" in html
    found = json.loads((job.out / "metrics.json").read_text())
    assert "dpo" not in found["sets"]["test"]["columns"]
    assert found["recommended"]["on"] == "test"


def test_missing_parts_are_named(job: Job[EvalReportConfig]) -> None:
    for file in job.inputs["gguf_model"].iterdir():
        file.unlink()
    with pytest.raises(ClitronError, match=r"holds no clitron-shop-\*\.gguf"):
        run(job)
    (job.inputs["sft_adapter"] / "model" / "config.json").unlink()
    with pytest.raises(ClitronError, match=r"neither adapter/ nor model/"):
        run(job)
    (job.schema_file.parent / "shop.eval.jsonl").write_text("{")
    with pytest.raises(ClitronError, match=r"shop\.eval\.jsonl:1: not JSON"):
        run(job)
    (job.schema_file.parent / "shop.eval.jsonl").unlink()
    (job.inputs["splits"] / "test.jsonl").write_text("")
    with pytest.raises(ClitronError, match="no row to judge shop on"):
        run(job)


def test_predictions_outlive_a_kill(tmp_path: Path) -> None:
    kept = Predictions(tmp_path / "p.jsonl")
    kept.add([Prediction("1", "ä\u2028"), Prediction("2", "b", 3.5, 4)])
    whole = kept.file.read_bytes()
    for cut in range(len(whole)):
        kept.file.write_bytes(whole[:cut])
        again = Predictions(kept.file)
        again.add([Prediction("3", "c")])
        found = {one.id: one for one in Predictions(kept.file)}
        assert found["3"].text == "c"
        assert "1" not in found or found["1"].text == "ä\u2028"
    kept.file.write_bytes(whole)
    assert [one.latency_ms for one in Predictions(kept.file)] == [None, 3.5]


def test_real_models_and_resume(
    job: Job[EvalReportConfig], monkeypatch: pytest.MonkeyPatch
) -> None:
    """Two real model formats end to end, cut off in the middle and gone on with."""
    base = resolve_base_model(TINY)
    for name in ("sft_adapter", "dpo_model"):
        shutil.rmtree(job.inputs[name] / "model")
        shutil.copytree(base, job.inputs[name] / "model")
    for quant in ("f16", "q8_0", "q4_k_m"):
        (job.inputs["gguf_model"] / f"clitron-shop-{quant}.gguf").unlink()
    (job.inputs["gguf_model"] / "clitron-shop-q4_1.gguf").symlink_to(embedded_gguf())
    small = EvalReportConfig(
        base_model=TINY, compare_rows=2, base_rows=1, max_human_rows=3, max_test_rows=3,
        latency_rows=2, max_new_tokens=3, base_max_new_tokens=3,
    )  # fmt: skip
    job = Job(**{**job.__dict__, "config": small})
    real = columns.predict_free

    def killed(*_: Any, **__: Any) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr(columns, "predict_free", killed)
    with pytest.raises(KeyboardInterrupt):
        run(job)
    before = {file.name: file.read_bytes() for file in job.work.iterdir()}
    assert {"human-base.jsonl", "human-sft.jsonl", "test-dpo.jsonl", "human-q4_1.jsonl"} <= set(
        before
    )

    monkeypatch.setattr(columns, "predict_free", real)
    metrics = run(job)
    assert metrics["human_model_n"] == metrics["test_model_n"] == 3
    assert metrics["human_sft_n"] == 2
    assert metrics["latency_n"] == 2
    for name, data in before.items():
        assert (job.work / name).read_bytes().startswith(data)
    found = json.loads((job.out / "metrics.json").read_text())
    assert found["column_seconds"].keys() == {"q4_1", "q4_1-free"}
    assert found["sets"]["test"]["columns"]["q4_1-free"]["n"] == 2
