"""A campaign: the rows that one model of one backend is to write.

Plans, asks for what the ledger lacks, reads all answers, and asks once or twice more where a
command came out short. Run again, it finds its answers in the ledger and asks for nothing.
"""

from __future__ import annotations

from collections import Counter, defaultdict
from dataclasses import dataclass, field
from typing import Any

from clitron_dagster.generate.api.answers import Reply, read_rows
from clitron_dagster.generate.api.backend import ApiError, Backend, Budget, Request
from clitron_dagster.generate.api.claude import Claude, read_message
from clitron_dagster.generate.api.claude_batches import Batches
from clitron_dagster.generate.api.coverage import Ask, Coverage
from clitron_dagster.generate.api.ledger import Ledger, Record
from clitron_dagster.generate.api.one_by_one import OneByOne
from clitron_dagster.generate.api.prompt import ask_text, prefix
from clitron_dagster.generate.config import RawExamplesConfig
from clitron_dagster.generate.prices import ModelPrice, PriceError, Prices, Usage, load_prices
from clitron_dagster.generate.rows import Row, plain
from clitron_dagster.schema import digest
from clitron_dagster.stage import Job
from clitron_dagster.validate.values import implied_values

TOP_UPS = 2  # rounds after the first
SHORT = 0.85  # a unit with fewer than this share of its rows is asked about again
BATCH_FROM = 20  # requests: fewer are answered sooner one by one
MAX_TOKENS_BASE = 300  # of an answer, beside max_tokens_per_row for each row


@dataclass
class Result:
    """What came of a campaign."""

    rows: list[Row] = field(default_factory=list)
    rejects: list[Row] = field(default_factory=list)
    report: dict[str, Any] = field(default_factory=dict)


def make_backend(name: str, model: str, config: RawExamplesConfig) -> Backend:
    """The server that a source names.

    Raises:
        ApiError: its key or model is not set.
    """
    if name == "anthropic":
        return Claude(model, config)
    from clitron_dagster.generate.api.openai_server import OpenAiServer

    return OpenAiServer(model, config)


class Campaign:
    """One backend and model, ``rows`` rows."""

    def __init__(self, job: Job[RawExamplesConfig], source: str, rows: int):
        self.job, self.config, self.schema = job, job.config, job.schema
        self.source, self.rows = source, rows
        backend, _, model = source.partition(":")
        self.backend = make_backend(backend, model, self.config)
        self.ledger = Ledger(job.keep, job.work.name)
        self.coverage = Coverage(self.schema, self.config, rows, self.config.rows_per_request)
        self.prices = load_prices()
        self.price = price_of(self.prices, backend, model, self.config)
        self._prefix = prefix(self.schema)
        self._implied = implied_values(self.schema)
        self.asked: list[Ask] = []  # in order, over all rounds
        self.failed: dict[str, str] = {}
        self.new = 0  # requests of this process

    def run(self) -> Result:
        """Ask and read until every unit has its rows, or the rounds are over."""
        asks = self.coverage.first()
        for top_up in range(TOP_UPS + 1):
            self._ask(asks, top_up)
            self.asked += asks
            result = self._read()
            asks = self._short(result.rows)
            if not asks:
                break
        if not result.rows:
            reasons = Counter(row["reason"] for row in result.rejects).most_common(3)
            told = "; ".join(f"{reason} ({count})" for reason, count in reasons)
            told = told or next(iter(self.failed.values()), "no answer")
            raise ApiError(f"{self.source} wrote no row that can be used: {told}")
        return result

    # -- asking -----------------------------------------------------------------------------------

    def key(self, ask: Ask) -> str:
        return digest([self.source, ask.name])

    def _ask(self, asks: list[Ask], top_up: int) -> None:
        requests = [self.request(ask) for ask in asks]
        missing = [request for request in requests if self._lacks(request)]
        again = " again" if top_up else ""
        self.job.log(
            f"{self.source}: {len(requests)} requests{again}, {len(requests) - len(missing)} of "
            "them answered before"
        )
        if not missing:
            return
        before = len(self.ledger.records)
        try:
            if isinstance(self.backend, Claude):  # what an earlier run began is paid for already
                budget = self._budget(batch=True)
                self._batches(budget).finish({request.key for request in missing})
            self._ask_for([request for request in missing if self._lacks(request)])
        finally:
            self.new += len(self.ledger.records) - before

    def _ask_for(self, missing: list[Request]) -> None:
        if not missing:
            return
        batch = self.backend.name == "anthropic" and (
            self.config.mode == "batch"
            or (self.config.mode == "auto" and len(missing) >= BATCH_FROM)
        )
        budget = self._budget(batch=batch)

        def answered(done: int) -> None:
            usd = round(budget.spent, 4)  # of the whole run
            facts = {"unit": self.source, "done": done, "of": len(missing), "usd": usd}
            self.job.progress(facts)
            self.job.log(f"{self.job.cli} {done}/{len(missing)} {self.source}: {usd} USD so far")

        if batch:
            way = self._batches(budget).ask_all
        else:
            way = OneByOne(self.backend, self.ledger, budget, self.config.concurrency).ask_all
        self.failed |= way(missing, answered)

    def _batches(self, budget: Budget) -> Batches:
        assert isinstance(self.backend, Claude)
        poll = self.config.batch_poll_seconds
        return Batches(self.backend, self.ledger, budget, poll, self.job.log)

    def _budget(self, *, batch: bool) -> Budget:
        limit = self.config.max_cost_usd
        return Budget(limit, self.prices, self.price, sum(self._spent().values()), batch=batch)

    def request(self, ask: Ask) -> Request:
        return Request(
            key=self.key(ask),
            prefix=self._prefix,
            text=ask_text(self.schema, ask),
            max_tokens=max_tokens(self.config, ask),
            contexts=[cell.context for cell in ask.cells],
        )

    def _lacks(self, request: Request) -> bool:
        return request.key not in self.ledger.records and request.key not in self.failed

    def _spent(self) -> dict[str, float]:
        """``source → USD`` of this run: of all its campaigns, also before it was interrupted."""
        spent: dict[str, float] = defaultdict(float)
        for record in self.ledger.records.values():
            if record.get("run") == self.ledger.run:
                spent[f"{record['backend']}:{record['model']}"] += self._cost(
                    record, read_record(record)
                )
        return spent

    def _cost(self, record: Record, reply: Reply) -> float:
        price = price_of(self.prices, record["backend"], record["model"], self.config)
        return self.prices.cost(price, reply.usage, batch=record.get("mode") == "batch")

    # -- reading ----------------------------------------------------------------------------------

    def _read(self) -> Result:
        """All answers so far, in the order of the plan, each unit up to its quota."""
        result = Result()
        counts: Counter[str] = Counter()
        problems: Counter[str] = Counter()
        seen: set[str] = set()
        usage, cost = Usage(), 0.0
        for ask in self.asked:
            record = self.ledger.records.get(self.key(ask))
            if record is None:
                problems["no answer"] += 1
                continue
            reply = self.backend.read(record["body"])
            usage, cost = usage + reply.usage, cost + self._cost(record, reply)
            if reply.problem:
                problems[reply.problem] += 1
            if not reply.text:
                reason = f"the model stopped: {reply.problem or 'it said nothing'}"
                result.rejects.append(
                    {"unit": ask.unit, "source": self.backend.name, "reason": reason}
                )
                continue
            rows, rejects = read_rows(
                self.schema, self._implied, ask, record["contexts"], reply.text, self.backend.name
            )
            result.rejects += rejects
            for row in rows:
                known = f"{plain(row['instruction'])} {row['context']}"
                full = counts[ask.unit] >= self.coverage.quotas[ask.unit]
                if known not in seen and not full:
                    seen.add(known)
                    counts[ask.unit] += 1
                    result.rows.append(row)
        result.report = {
            "source": self.source,
            "rows": len(result.rows),
            "rejected": len(result.rejects),
            "requests": len(self.asked),
            "requests_new": self.new,
            "problems": dict(problems),
            "unread": sum(key.startswith("unread:") for key in self.ledger.records),
            "usage": usage.as_dict(),
            "cost_usd": round(cost, 6),
            "cost_usd_this_run": round(self._spent().get(self.source, 0.0), 6),
            "prices_of": self.prices.date,
        }
        return result

    def _short(self, rows: list[Row]) -> list[Ask]:
        """Requests for the units that came out short, numbered on from what was asked."""
        have = Counter(row["unit"] for row in rows if row["kind"] == "command")
        nexts: dict[str, int] = defaultdict(int)
        for ask in self.asked:
            nexts[ask.unit] = max(nexts[ask.unit], ask.index + 1)
        asks: list[Ask] = []
        for unit in self.schema.units:
            quota = self.coverage.quotas[unit.key]
            if have[unit.key] < SHORT * quota:
                asks += self.coverage.for_unit(unit, quota - have[unit.key], nexts[unit.key])
        return asks


def read_record(record: Record) -> Reply:
    """What an answer in the ledger says, whichever backend it came from."""
    if record["backend"] == "anthropic":
        return read_message(record["body"])
    from clitron_dagster.generate.api.openai_server import read_completion

    return read_completion(record["body"])


def max_tokens(config: RawExamplesConfig, ask: Ask) -> int:
    return MAX_TOKENS_BASE + config.max_tokens_per_row * len(ask.cells)


def price_of(prices: Prices, backend: str, model: str, config: RawExamplesConfig) -> ModelPrice:
    """The model's price; 0 for an unknown one, where no limit is set that would need it.

    Raises:
        PriceError: ``max_cost_usd`` cannot be kept, because the price is not known.
    """
    price = prices.find(backend, model, config.openai_base_url)
    if price is None and config.max_cost_usd is not None:
        raise PriceError(
            f"there is no price for `{model}`, so max_cost_usd={config.max_cost_usd:g} cannot be "
            "kept; add the model to a copy of clitron_dagster/generate/prices.yaml and name that in "
            "CLITRON_PRICES, or set raw_examples.max_cost_usd=null"
        )
    return price or ModelPrice(backend="openai", input=0, output=0)
