"""One model, one thread, many requests: what waits is decoded together, a few at a time.

An engine must not be used by two threads at once, so only the worker's thread touches it. Its seam
is :data:`Answer`: rows in, replies out, in the rows' order. Nothing here knows of HTTP.
"""

from __future__ import annotations

import contextlib
import logging
import math
import queue
import threading
import time
from collections.abc import Callable, Sequence
from concurrent.futures import Future
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from clitron_dagster.answer import canonical
from clitron_dagster.errors import ClitronError
from clitron_dagster.inference.engine import Engine
from clitron_dagster.inference.predict import Predictor
from clitron_dagster.schema import Schema

Row = dict[str, Any]
log = logging.getLogger(__name__)


class BusyError(ClitronError):
    """The queue is full; ``wait_s`` is a guess at when it is not."""

    def __init__(self, waiting: int, wait_s: int) -> None:
        super().__init__(f"{waiting} requests are waiting already; try again in {wait_s} s")
        self.wait_s = wait_s


class StoppedError(ClitronError):
    """The worker was closed before it came to this request."""

    def __init__(self) -> None:
        super().__init__("the server is stopping")


@dataclass(frozen=True)
class Reply:
    """An answered row (``inference/predict.py``), and what it cost in tokens."""

    row: Row
    prompt_tokens: int
    answer_tokens: int


Answer = Callable[[Sequence[Row]], Sequence[Reply | ClitronError]]
"""For each row a reply, or why it is refused without asking the model."""


class Answerer:
    """The real thing behind :data:`Answer`: a loaded GGUF, with the grammar of its schema.

    Raises:
        ModelFileError: the file is missing, damaged, or made for another CLI.
    """

    def __init__(self, schema: Schema, file: Path, *, parallel: int) -> None:
        self.engine = Engine(file, parallel=parallel)
        try:
            self._predictor = Predictor(self.engine, schema)
        except BaseException:
            self.engine.close()
            raise
        self.warnings = self._predictor.warnings

    def __call__(self, rows: Sequence[Row]) -> list[Reply | ClitronError]:
        replies: list[Reply | ClitronError] = []
        prompts: list[int] = []
        fitting: list[Row] = []
        for row in rows:
            try:
                prompts.append(len(self.engine.tokenize(self._predictor.prompt(row))))
            except ClitronError as error:
                replies.append(error)
            else:
                replies.append(Reply(row, prompts[-1], 0))
                fitting.append(row)
        answered = iter(zip(self._predictor.answer(fitting), prompts, strict=True))
        for index, reply in enumerate(replies):
            if isinstance(reply, Reply):
                (row, _), prompt_tokens = next(answered)
                replies[index] = Reply(row, prompt_tokens, self._size(row["response"]))
        return replies

    def _size(self, response: Any) -> int:
        return len(self.engine.tokenize(canonical(response), special=False)) if response else 0

    def close(self) -> None:
        self.engine.close()


@dataclass(frozen=True)
class _Job:
    row: Row
    future: Future[Reply]


class Worker:
    """A thread that answers what is submitted, ``parallel`` rows at a time; a context manager.

    Args:
        answer: called in the worker's thread only.
        room: how many requests may wait for their turn.
    """

    def __init__(self, answer: Answer, *, parallel: int = 4, room: int = 64) -> None:
        self.parallel, self.room = parallel, room
        self._answer = answer
        self._waiting: queue.Queue[_Job | None] = queue.Queue()
        self._lock = threading.Lock()  # of `_queued` and `_closed`
        self._queued = self._answering = 0
        self._closed = False
        self._last_s = 0.0
        self._thread = threading.Thread(target=self._work, name="clitron-worker", daemon=True)

    def __enter__(self) -> Worker:
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    @property
    def queued(self) -> int:
        """Requests that wait for their turn; the ones being decoded do not count."""
        return self._queued

    @property
    def answering(self) -> int:
        """Requests that are being decoded."""
        return self._answering

    @property
    def alive(self) -> bool:
        return self._thread.is_alive() and not self._closed

    def submit(self, row: Row) -> Future[Reply]:
        """Queue a row ``{"nl", "context"}``; its reply, or its refusal, arrives in the future.

        Raises:
            BusyError: ``room`` requests are waiting already.
            StoppedError: the worker is closed.
        """
        future: Future[Reply] = Future()
        with self._lock:
            if self._closed:
                raise StoppedError
            if self._queued >= self.room:
                batches = self._queued / self.parallel
                raise BusyError(self._queued, max(1, math.ceil(batches * self._last_s)))
            self._queued += 1
            self._waiting.put(_Job(row, future))
        return future

    def close(self) -> None:
        """Finish what is being decoded, refuse what waits, end the thread."""
        with self._lock:
            if self._closed:
                return
            self._closed = True
            self._waiting.put(None)
        self._thread.join()

    # -- in the worker's thread -------------------------------------------------------------------

    def _work(self) -> None:
        while (job := self._waiting.get()) is not None:
            batch = [job]
            with contextlib.suppress(queue.Empty):
                while len(batch) < self.parallel and not self._closed:
                    following = self._waiting.get_nowait()
                    if following is None:
                        self._waiting.put(None)  # for the loop above
                        break
                    batch.append(following)
            with self._lock:
                self._queued -= len(batch)
                self._answering = len(batch)
            wanted = [job for job in batch if job.future.set_running_or_notify_cancel()]
            if self._closed:
                _fail(wanted, StoppedError())
            elif wanted:
                self._answer_all(wanted)
            self._answering = 0

    def _answer_all(self, jobs: list[_Job]) -> None:
        started = time.perf_counter()
        try:
            replies = self._answer([job.row for job in jobs])
            pairs = list(zip(jobs, replies, strict=True))
        except Exception as error:  # the thread must outlive any request
            log.debug("a batch of %d failed", len(jobs), exc_info=True)
            if len(jobs) == 1:
                _fail(jobs, error)
                return
            for job in jobs:  # alone, so that one request does not fail its neighbours
                self._answer_all([job])
            return
        self._last_s = time.perf_counter() - started
        for job, reply in pairs:
            if isinstance(reply, Reply):
                job.future.set_result(reply)
            else:
                job.future.set_exception(reply)


def _fail(jobs: list[_Job], error: Exception) -> None:
    for job in jobs:
        job.future.set_exception(error)
