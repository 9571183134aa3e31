"""A stand-in for the engine at the worker's seam, and a real server around it."""

from __future__ import annotations

import contextlib
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from typing import Any

import httpx
import uvicorn

from clitron_dagster.answer import clarification, command_answer, suggestion
from clitron_dagster.argv import to_argv
from clitron_dagster.cli.serve import LOCAL_NAMES, listen
from clitron_dagster.errors import ClitronError
from clitron_dagster.inference.engine import TooLongError
from clitron_dagster.serve.app import make_app
from clitron_dagster.serve.worker import Reply, Row, Worker
from clitron_dagster_tests.tiny import notes

SECRET = "hunter2"


class Script:
    """Knows its answers by request: ``remove 7`` and so on; close ``gate`` to hold it back."""

    def __init__(self, pause_s: float = 0.0) -> None:
        self.batches: list[list[Any]] = []
        self.threads: set[int] = set()
        self.gate, self.entered = threading.Event(), threading.Event()
        self.gate.set()
        self.pause_s = pause_s

    def __call__(self, rows: Sequence[Row]) -> list[Reply | ClitronError]:
        self.threads.add(threading.get_ident())
        self.batches.append([row["nl"] for row in rows])
        self.entered.set()
        assert self.gate.wait(60)
        time.sleep(self.pause_s)
        return [_reply(row) for row in rows]


def _reply(row: Row) -> Reply | ClitronError:
    schema, text = notes(), row["nl"]
    word, _, rest = text.partition(" ")
    if word == "crash":
        raise RuntimeError(f"{SECRET} {text}")
    if word == "long":
        return TooLongError("the request has 900 tokens; at most 768 fit")
    answered = {**row, "argv": None, "confidence": 0.8, "latency_ms": 1.0}
    if word == "illegal":
        return Reply({**answered, "response": None, "error": "the model's answer is no JSON"}, 9, 0)
    if word == "huh":
        response = clarification("Which one?", [suggestion(schema.units[1])], 0.8)
    else:
        unit = schema.unit("remove", None)
        assert unit is not None
        response = command_answer(schema, unit, {"id": int(rest)}, ["force"], 0.8)
        answered["argv"] = to_argv(schema, response)
    return Reply({**answered, "response": response}, 9, 5)


@contextlib.contextmanager
def serving(script: Script | None = None, **options: Any) -> Iterator[httpx.Client]:
    """A client of a real server on a free port; ``options`` are the worker's."""
    listener = listen("127.0.0.1", 0, allow_remote=False)
    with Worker(script or Script(), **options) as worker:
        app = make_app(notes(), worker, name="clitron-notes-q8_0", hosts=LOCAL_NAMES)
        server = uvicorn.Server(uvicorn.Config(app, log_level="warning", access_log=False))
        thread = threading.Thread(target=server.run, args=([listener],))
        thread.start()
        url = f"http://127.0.0.1:{listener.getsockname()[1]}"
        try:
            with httpx.Client(base_url=url, timeout=60, trust_env=False) as client:
                yield client
        finally:
            if script:
                script.gate.set()
            server.should_exit = True
            thread.join()


def error_of(response: httpx.Response) -> str:
    """The words of an error, which has OpenAI's shape everywhere."""
    error = response.json()["error"]
    assert set(error) == {"message", "type", "param", "code"}
    assert error["type"]
    return str(error["message"])


def eventually(condition: Callable[[], object]) -> None:
    """Wait until something holds, ten seconds at most."""
    end = time.monotonic() + 10
    while not condition():
        assert time.monotonic() < end
        time.sleep(0.005)
