"""Message Batches: half the price, any order, up to a day; and no batch is ever lost or made twice.

A line in the ledger says what a batch will ask for before it is created, a second one its id. Where
the second is missing (a crash, a connection that broke), the server's list of batches is searched
for it, by time and size and then by what the results answer, before the same is asked for once more.
"""

from __future__ import annotations

import json
import time
from collections.abc import Callable, Collection, Iterable, Iterator
from datetime import datetime, timedelta
from typing import Any

from clitron_dagster.generate.api.backend import ApiError, Budget, Request, words_of
from clitron_dagster.generate.api.claude import Claude, read_message
from clitron_dagster.generate.api.ledger import Ledger, Record
from clitron_dagster.generate.prices import Usage
from clitron_dagster.schema import digest
from clitron_dagster.store import now

MAX_REQUESTS = 20_000  # of one batch; the API takes 100,000 or 256 MB
MAX_BYTES = 200_000_000
TRIES = 3  # of one request, when a batch errs or expires; and of reading results
_CLOCKS = timedelta(minutes=5)  # ours and the server's may differ

Log = Callable[[str], None]


class Batches:
    """Requests of one model through batches."""

    def __init__(self, claude: Claude, ledger: Ledger, budget: Budget, poll: float, log: Log):
        self.claude, self.ledger, self.budget, self.poll, self.log = (
            claude, ledger, budget, poll, log,
        )  # fmt: skip
        self._for = f"{claude.name}:{claude.model}"
        self._api = claude.client.messages.batches

    def ask_all(self, requests: list[Request], answered: Callable[[int], None]) -> dict[str, str]:
        """Ask until every request is in the ledger; ``key → reason`` of those that never will be.

        Raises:
            ApiError, BudgetError: nothing is lost by either.
        """
        pending = {request.key: request for request in requests}
        whole = len(pending)
        tries: dict[str, int] = {}
        failed: dict[str, str] = {}

        def collect(batch: Record) -> None:
            for key, reason in self._collect(batch).items():
                tries[key] = tries.get(key, 0) + 1
                if tries[key] >= TRIES and key in pending:
                    failed[key] = reason
            for key in [k for k in pending if k in self.ledger.records or k in failed]:
                del pending[key]
            answered(whole - len(pending))

        while pending:
            chosen = self._fill(list(pending.values()))
            if not chosen:
                raise self.budget.stop(len(pending))
            collect(self._create(chosen))
        return failed

    def finish(self, keys: set[str]) -> None:
        """Collect the batches that an earlier run began, as far as they have answers we want."""
        for batch in self.ledger.batches(self._for):
            if not keys & batch["asks"].keys():
                continue
            found = batch.get("batch") or self._adopt(batch)
            if found:
                self.log(f"going on with batch {found}")
                self._collect({**batch, "batch": found})
            else:  # it was never made
                self.ledger.note_batch(batch["intent"], over=True)

    def _fill(self, requests: list[Request]) -> list[Request]:
        chosen, size = [], 0
        for request in requests[:MAX_REQUESTS]:
            size += 2 * (len(request.prefix) + len(request.text)) + 2_000
            if size > MAX_BYTES or not self.budget.take(request):
                break
            chosen.append(request)
        return chosen

    # -- creating ---------------------------------------------------------------------------------

    def _create(self, requests: list[Request]) -> Record:
        """Create a batch. Without the SDK's retries, which could make it twice."""
        import anthropic

        asks = {request.key: request.contexts for request in requests}
        since = now().isoformat()
        intent = digest([since, sorted(asks)])
        batch: Record = {"intent": intent, "for": self._for, "asks": asks, "since": since}
        self.ledger.note_batch(**batch)
        body: Any = [
            {"custom_id": request.key, "params": self.claude.params(request, ttl="1h")}
            for request in requests
        ]
        client = self.claude.client.with_options(max_retries=0)
        found = ""
        for attempt in range(self.claude.retries + 1):
            try:
                found = client.messages.batches.create(requests=body).id
                break
            except (anthropic.APIConnectionError, anthropic.APIStatusError) as error:
                status = getattr(error, "status_code", 0)
                if (status and status < 500 and status not in (408, 409, 429)) or (
                    attempt == self.claude.retries
                ):
                    raise self.claude.explain(error) from None
                time.sleep(_wait(error, attempt))
                if status != 429 and (found := self._adopt(batch)):
                    break  # it was made, only the answer got lost
        self.ledger.note_batch(intent, batch=found)
        self.log(f"batch {found}: {len(asks)} requests")
        return {**batch, "batch": found}

    def _adopt(self, batch: Record) -> str:
        """Id of a batch that was made and whose id we never saw; empty if there is none.

        Others may make batches of the same size at the same time. Whose one is, only its results
        tell, so it is waited for: the newest first, but none holds up one that ended before it.
        """
        import anthropic

        try:
            waiting = self._fitting(batch)
            while waiting:
                for other in list(waiting):
                    answers = self._answers(other, batch["asks"])
                    if answers:
                        self.ledger.note_batch(batch["intent"], batch=other)
                        return other
                    if answers is not None:
                        waiting.remove(other)
                if waiting:
                    self.log(f"batch {waiting[0]} may be one that we made; its results will tell")
                    time.sleep(self.poll)
        except anthropic.AnthropicError as error:
            raise self.claude.explain(error) from None
        return ""

    def _fitting(self, batch: Record) -> list[str]:
        """Ids of unknown batches of this size, made since; the newest first."""
        since = datetime.fromisoformat(batch["since"]) - _CLOCKS
        known = self.ledger.batch_ids()
        fitting = []
        for other in self._api.list(limit=100):
            if other.created_at < since:
                break
            counts = other.request_counts
            size = (counts.processing + counts.succeeded + counts.errored) + (
                counts.canceled + counts.expired
            )
            gone = other.archived_at is not None
            if other.id not in known and size == len(batch["asks"]) and not gone:
                fitting.append((other.created_at, other.id))
        return [name for _, name in sorted(fitting, reverse=True)]

    def _answers(self, batch: str, asks: Collection[str]) -> bool | None:
        """Whether a batch's results are of these requests; None while there are none yet."""
        import anthropic
        import httpx2

        try:
            if self._api.retrieve(batch).processing_status != "ended":
                return None
            for attempt in range(TRIES):
                try:
                    with self._api.with_streaming_response.results(batch) as response:
                        first = json.loads(next(_lines(response.iter_bytes())))
                    return first["custom_id"] in asks
                except (httpx2.HTTPError, ValueError, KeyError, TypeError):
                    time.sleep(min(self.poll, 0.5 * 2**attempt))
        except anthropic.NotFoundError:
            return False
        raise ApiError(
            f"the results of batch {batch} cannot be read, so nobody knows whether it is ours; run "
            "the same command again later, and it goes on from there"
        )

    # -- collecting -------------------------------------------------------------------------------

    def _collect(self, batch: Record) -> dict[str, str]:
        """Wait for a batch and write its answers down; ``key → reason`` of what has none."""
        import anthropic

        wanted = set(batch["asks"]) - set(self.ledger.records)
        failed: dict[str, str] = {}
        try:
            self._wait_for(batch["batch"])
            for attempt in range(TRIES):
                failed = self._results(batch)
                if wanted <= set(self.ledger.records) | set(failed):
                    break
                time.sleep(min(self.poll, 0.5 * 2**attempt))
        except anthropic.NotFoundError:
            self.log(f"batch {batch['batch']} is gone from the server; its requests are made again")
        except anthropic.AnthropicError as error:
            raise self.claude.explain(error) from None
        for key in wanted - set(self.ledger.records) - set(failed):
            failed[key] = "its result could not be read"
        for key in failed:
            self.budget.settle(key, Usage())
        self.ledger.note_batch(batch["intent"], over=True)
        invalid = [why for why in failed.values() if why.startswith("invalid_request")]
        if invalid and len(failed) == len(batch["asks"]):
            raise ApiError(f"{self.claude.place} refuses every request of a batch: {invalid[0]}")
        return failed

    def _wait_for(self, batch: str) -> None:
        while True:
            state = self._api.retrieve(batch)
            if state.processing_status == "ended":
                return
            self.log(f"batch {batch}: {state.processing_status}; it goes on without us as well")
            time.sleep(self.poll)

    def _results(self, batch: Record) -> dict[str, str]:
        """Read the results line by line; each success is on the disk before the next is looked at."""
        import httpx2

        failed: dict[str, str] = {}
        try:
            with self._api.with_streaming_response.results(batch["batch"]) as response:
                for line in _lines(response.iter_bytes()):
                    self._result(batch, line, failed)
        except httpx2.HTTPError as error:
            self.log(
                f"reading batch {batch['batch']} broke off ({type(error).__name__}); once more"
            )
        return failed

    def _result(self, batch: Record, line: str, failed: dict[str, str]) -> None:
        try:
            item = json.loads(line)
            key, result = item["custom_id"], item["result"]
            kind = result["type"]
        except (ValueError, KeyError, TypeError):
            return  # the loop around asks for the list again
        if key not in batch["asks"] or key in self.ledger.records:
            return
        if kind != "succeeded":
            error = (result.get("error") or {}).get("error") or {}
            failed[key] = f"{error.get('type') or kind}: {words_of(error.get('message'))}"
            return
        self.ledger.add(
            key, backend=self.claude.name, model=self.claude.model, mode="batch",
            contexts=batch["asks"][key], body=line,
        )  # fmt: skip
        self.budget.settle(key, read_message(line).usage)


def _lines(chunks: Iterable[bytes]) -> Iterator[str]:
    """Lines of JSON. Text cut into lines is also cut at U+2028 and its like, which JSON may hold."""
    rest = b""
    for chunk in chunks:
        *whole, rest = (rest + chunk).split(b"\n")
        for line in whole:
            yield line.decode("utf-8", "replace")
    yield rest.decode("utf-8", "replace")


def _wait(error: Any, attempt: int) -> float:
    """Seconds, as long as the server says or twice as long each time."""
    response = getattr(error, "response", None)
    said = response.headers.get("retry-after", "") if response is not None else ""
    try:
        return max(0.0, min(float(said), 300.0))
    except ValueError:
        return float(min(0.5 * 2**attempt, 30.0))
