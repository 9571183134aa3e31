"""What a campaign would cost, before a cent is spent: requests, tokens, money.

The requests are those that a run would send, so their number and characters are exact. Tokens are
characters divided by :data:`CHARS_PER_TOKEN`, or by what the Claude API counts for a sample where a
key is there (counting is free). Tokens of answers come from the answers already in the ledger, or
from :data:`OUTPUT_CHARS_PER_ROW`.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from clitron_dagster.generate.api.backend import Request
from clitron_dagster.generate.api.campaign import max_tokens, read_record
from clitron_dagster.generate.api.claude import Claude, key_from_environment
from clitron_dagster.generate.api.coverage import Coverage, rows_of
from clitron_dagster.generate.api.ledger import Ledger
from clitron_dagster.generate.api.prompt import ask_text, prefix
from clitron_dagster.generate.config import RawExamplesConfig
from clitron_dagster.generate.prices import ModelPrice, Prices, Usage
from clitron_dagster.schema import Schema, digest

CHARS_PER_TOKEN = 3.5  # English and compact JSON; tokenizers differ by a third either way
OUTPUT_CHARS_PER_ROW = 150  # {"n":…,"request":…,"argv":…}
MEASURED_FROM = 5  # answers, before they say more than the heuristic


@dataclass(frozen=True)
class Estimate:
    """One model's bill. Money is in USD, and None where the price is not known."""

    source: str
    rows: int
    requests: int
    answered: int  # of them, by earlier runs: free
    prefix_tokens: int  # of each request, shared
    text_tokens: int  # of all requests that are left, apart from the prefix
    output_tokens: int
    cached: bool  # whether the prefix is long enough for a cache
    batch_cached: float | None  # batches, prefix read from the cache
    batch: float | None  # batches, nothing cached
    message_cached: float | None
    message: float | None
    counted_by: str

    def as_dict(self) -> dict[str, Any]:
        return asdict(self)


class Estimator:
    """The requests of one CLI, priced for any model."""

    def __init__(
        self, schema: Schema, config: RawExamplesConfig, rows: int, prices: Prices, kept: Path
    ):
        self.config, self.prices = config, prices
        self.asks = Coverage(schema, config, rows, config.rows_per_request).first()
        self.prefix = prefix(schema)
        self.texts = [ask_text(schema, ask) for ask in self.asks]
        self._ledger = Ledger(kept, "") if kept.exists() else None

    def estimate(self, source: str) -> Estimate:
        backend, _, model = source.partition(":")
        answers = self._ledger.records if self._ledger else {}
        left = [at for at, ask in enumerate(self.asks) if digest([source, ask.name]) not in answers]
        chars, counted_by = self._chars_per_token(backend, model)
        per_row, measured = self._output_per_row(source, chars)
        prefix_tokens = round(len(self.prefix) / chars)
        text = round(sum(len(self.texts[at]) for at in left) / chars)
        output = round(per_row * rows_of([self.asks[at] for at in left]))
        price = self.prices.find(backend, model, self.config.openai_base_url)
        cached = bool(price) and prefix_tokens >= (price.cache_min_tokens if price else 0)

        def cost(*, batch: bool, cache: bool) -> float | None:
            if price is None:
                return None
            return self._cost(price, len(left), prefix_tokens, text, output, batch, cache)

        claude = backend == "anthropic"
        return Estimate(
            source, rows_of(self.asks), len(self.asks), len(self.asks) - len(left), prefix_tokens,
            text, output, cached,
            cost(batch=True, cache=cached) if claude else None,
            cost(batch=True, cache=False) if claude else None,
            cost(batch=False, cache=cached),
            cost(batch=False, cache=False),
            f"{counted_by}; answers {measured}",
        )  # fmt: skip

    def _cost(
        self, price: ModelPrice, requests: int, prefix_tokens: int, text: int, output: int,
        batch: bool, cache: bool,
    ) -> float:  # fmt: skip
        whole = prefix_tokens * requests
        usage = Usage(input_tokens=text + whole, output_tokens=output)
        if cache and requests:
            field = "cache_write_1h_tokens" if batch else "cache_write_5m_tokens"
            usage = Usage(
                input_tokens=text, output_tokens=output,
                cache_read_tokens=whole - prefix_tokens, **{field: prefix_tokens},
            )  # fmt: skip
        return self.prices.cost(price, usage, batch=batch)

    def _output_per_row(self, source: str, chars: float) -> tuple[float, str]:
        """Tokens of one row in an answer, and how we know."""
        tokens = rows = answers = 0
        for record in self._ledger.records.values() if self._ledger else ():
            if f"{record.get('backend')}:{record.get('model')}" == source:
                reply = read_record(record)
                if reply.usage.output_tokens and not reply.problem:
                    tokens += reply.usage.output_tokens
                    rows += len(record.get("contexts") or [])
                    answers += 1
        if answers >= MEASURED_FROM and rows:
            return tokens / rows, f"as in {answers} earlier ones"
        return OUTPUT_CHARS_PER_ROW / chars, f"at {OUTPUT_CHARS_PER_ROW} characters a row"

    def _chars_per_token(self, backend: str, model: str) -> tuple[float, str]:
        heuristic = f"{CHARS_PER_TOKEN} characters a token"
        if backend != "anthropic" or not self.texts:
            return CHARS_PER_TOKEN, heuristic
        if not key_from_environment():
            return CHARS_PER_TOKEN, heuristic
        import anthropic

        ask = self.asks[0]
        limit = max_tokens(self.config, ask)
        config = self.config.model_copy(update={"max_retries": 1, "timeout_seconds": 20.0})
        claude = Claude(model, config)
        params = claude.params(Request("", self.prefix, self.texts[0], limit, []))
        del params["max_tokens"]
        try:
            counted = claude.client.messages.count_tokens(**params).input_tokens
        except anthropic.AnthropicError:
            return CHARS_PER_TOKEN, f"{heuristic}, as {claude.place} did not count"
        chars = (len(self.prefix) + len(self.texts[0])) / max(counted, 1)
        return chars, f"{chars:.2f} characters a token, as {claude.place} counts a sample"


def models_of(prices: Prices, backend: str) -> Sequence[str]:
    """Models of a backend that the table has, the cheapest first."""
    known = {name: price for name, price in prices.models.items() if price.backend == backend}
    return sorted(known, key=lambda name: known[name].output)
