"""Requests one by one, a few at a time: for small jobs, and for servers without batches."""

from __future__ import annotations

from collections.abc import Callable
from concurrent.futures import FIRST_COMPLETED, Future, ThreadPoolExecutor, wait

from clitron_dagster.generate.api.backend import ApiError, Backend, Budget, Request
from clitron_dagster.generate.api.ledger import Ledger
from clitron_dagster.generate.prices import Usage

TRIES = 2  # of a request whose answer cannot be read at all
LIMIT = 3  # requests in a row that nobody could read: the server is not what we take it for


class OneByOne:
    """Requests to one backend, at most ``concurrency`` at once."""

    def __init__(self, backend: Backend, ledger: Ledger, budget: Budget, concurrency: int):
        self.backend, self.ledger, self.budget = backend, ledger, budget
        self.concurrency = concurrency

    def ask_all(self, requests: list[Request], answered: Callable[[int], None]) -> dict[str, str]:
        """Ask all; ``key → reason`` of those without an answer that can be read.

        The first goes alone, so that the others find its prefix in the server's cache. When one is
        refused for good, or somebody stops the run, those under way are waited for and written
        down: they are paid for.

        Raises:
            ApiError, BudgetError: see there.
        """
        failed: dict[str, str] = {}
        waiting = list(requests)
        running: dict[Future[bool], Request] = {}
        unread = done = 0
        with ThreadPoolExecutor(self.concurrency) as pool:
            try:
                while waiting or running:
                    room = self.concurrency if done else 1
                    while waiting and len(running) < room and self.budget.take(waiting[0]):
                        request = waiting.pop(0)
                        running[pool.submit(self._ask, request)] = request
                    if not running:
                        raise self.budget.stop(len(waiting))
                    for future in wait(running, return_when=FIRST_COMPLETED).done:
                        request = running.pop(future)
                        done += 1
                        if future.result():
                            unread = 0
                        else:
                            unread += 1
                            failed[request.key] = "its answer could not be read"
                        answered(done)
                    if unread >= LIMIT:
                        raise ApiError(
                            f"{self.backend.place} answers, but not as this API does (the last "
                            f"{unread} answers could not be read, see unread lines in "
                            "responses.jsonl); check its address"
                        )
            finally:
                for future in running:
                    future.cancel()
        return failed

    def _ask(self, request: Request) -> bool:
        """Ask and write down; False when no answer could be read."""
        for attempt in range(TRIES):
            try:
                body = self.backend.ask(request)
            except BaseException:
                self.budget.settle(request.key, Usage())
                raise
            reply = self.backend.read(body)
            facts = {"backend": self.backend.name, "model": self.backend.model, "mode": "message"}
            if reply.problem != "unreadable":
                self.ledger.add(request.key, **facts, contexts=request.contexts, body=body)
                self.budget.settle(request.key, reply.usage)
                return True
            self.ledger.add(f"unread:{request.key}:{attempt}", **facts, body=body[:20_000])
        self.budget.settle(request.key, Usage())
        return False
