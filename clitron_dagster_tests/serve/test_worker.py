"""One thread, batches of what waits, a bounded queue, and an end that leaves nobody waiting."""

from __future__ import annotations

from concurrent.futures import Future, ThreadPoolExecutor

import pytest

from clitron_dagster.inference.engine import Engine
from clitron_dagster.inference.predict import predict_rows
from clitron_dagster.serve.worker import Answerer, BusyError, Reply, StoppedError, Worker
from clitron_dagster_tests.serve.scripted import Script, eventually
from clitron_dagster_tests.tiny import notes, tiny_gguf


def submit(worker: Worker, text: str) -> Future[Reply]:
    return worker.submit({"nl": text, "context": None})


def test_what_waits_is_decoded_together() -> None:
    script = Script()
    script.gate.clear()
    with Worker(script, parallel=3, room=5) as worker:
        first = submit(worker, "remove 0")
        assert script.entered.wait(10)
        futures = [submit(worker, f"remove {number}") for number in range(1, 6)]
        with pytest.raises(BusyError):
            submit(worker, "remove 6")
        futures[1].cancel()
        script.gate.set()
        ids = [
            future.result(10).row["response"]["args"]["id"]
            for future in (first, *futures)
            if not future.cancelled()
        ]
    assert ids == [0, 1, 3, 4, 5]
    assert script.batches == [["remove 0"], ["remove 1", "remove 3"], ["remove 4", "remove 5"]]


def test_a_request_that_breaks_the_engine_fails_alone() -> None:
    script = Script()
    script.gate.clear()
    with Worker(script, parallel=4) as worker:
        submit(worker, "remove 0")
        assert script.entered.wait(10)
        good, bad, other = (submit(worker, text) for text in ("remove 1", "crash", "remove 2"))
        script.gate.set()
        assert isinstance(bad.exception(10), RuntimeError)
        assert good.result(10).row["argv"]
        assert other.result(10).row["argv"]
        assert worker.alive


def test_closing_finishes_what_runs_and_refuses_what_waits() -> None:
    script = Script()
    script.gate.clear()
    with Worker(script, parallel=1) as worker, ThreadPoolExecutor(1) as pool:
        running = submit(worker, "remove 1")
        assert script.entered.wait(10)
        waiting = submit(worker, "remove 2")
        closing = pool.submit(worker.close)
        eventually(lambda: not worker.alive)
        with pytest.raises(StoppedError):
            submit(worker, "remove 3")
        script.gate.set()
        closing.result(10)
    assert running.result(0).row["argv"]
    assert isinstance(waiting.exception(0), StoppedError)


def test_the_real_engine_answers_as_predict_does() -> None:
    rows = [
        {"nl": "all my notes", "context": None},
        {"nl": "", "context": None},
        {"nl": "x " * 990, "context": None},
        {"nl": "remember buy milk", "context": None},
    ]
    answerer = Answerer(notes(), tiny_gguf("q8_0"), parallel=2)
    try:
        with Worker(answerer, parallel=2) as worker:
            futures = [worker.submit(row) for row in rows]
            faults = [str(future.exception(60) or "") for future in futures]
    finally:
        answerer.close()
    assert "is empty" in faults[1]
    assert "tokens; at most" in faults[2]
    with Engine(tiny_gguf("q8_0"), parallel=2) as engine:
        for row, future in ((rows[0], futures[0]), (rows[3], futures[3])):
            reply, expected = future.result(), next(predict_rows(engine, notes(), [row]))
            assert reply.row["response"] == expected["response"]
            assert reply.prompt_tokens > 5
            assert (reply.answer_tokens > 5) is bool(expected["response"])
