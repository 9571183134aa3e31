"""What the backends have in common: a request, an error in words, money that may be spent."""

from __future__ import annotations

import os
import re
import threading
from dataclasses import dataclass
from typing import Any, Protocol

from clitron_dagster.errors import ClitronError
from clitron_dagster.generate.api.answers import Reply
from clitron_dagster.generate.prices import ModelPrice, Prices, Usage

KEY_VARIABLES = ("ANTHROPIC_API_KEY", "ANTHROPIC_AUTH_TOKEN", "OPENAI_API_KEY")
SECRET_FROM = 16  # characters; what is shorter (ollama, none, test) is a word that answers have too
WORST_CHARS_PER_TOKEN = 2.5  # fewer than any text we send has; for limits, not for estimates


class ApiError(ClitronError):
    """A server refused, or could not be reached. What was answered before is kept."""


class BudgetError(ClitronError):
    """The next request might cost more than ``max_cost_usd`` leaves."""


@dataclass(frozen=True)
class Request:
    """One call: the shared prefix, and what differs."""

    key: str
    prefix: str
    text: str
    max_tokens: int
    contexts: list[Any]  # of the rows that are asked for; kept with the answer


class Backend(Protocol):
    """A server that answers one request at a time."""

    name: str
    model: str
    place: str  # host, for messages

    def ask(self, request: Request) -> str:
        """The body of the response, as it came.

        Raises:
            ApiError: no answer, after the retries that make sense.
        """

    def read(self, body: str) -> Reply:
        """What a body says. Never raises."""


def without_keys(text: str) -> str:
    """The text without any key of this process, should a server send one back."""
    for name in KEY_VARIABLES:
        secret = os.environ.get(name, "").strip()
        if len(secret) >= SECRET_FROM:
            text = text.replace(secret, "***")
    return text


def redact(text: str) -> str:
    """The same, and without what looks like a key."""
    text = without_keys(text)
    return re.sub(r"\b(sk-[A-Za-z0-9_-]{6})[A-Za-z0-9_-]+", r"\1***", text)


def words_of(message: object) -> str:
    """A server's own words, on one line, short and without keys."""
    text = " ".join(str(message or "it gave no reason").split())
    return redact(text)[:300]


class Budget:
    """Holds back what each open request may cost at worst, so that the limit is never passed."""

    def __init__(
        self, limit: float | None, prices: Prices, price: ModelPrice, spent: float, *, batch: bool
    ):
        self.limit, self.spent, self.batch = limit, spent, batch
        self._prices, self._price = prices, price
        self._held: dict[str, float] = {}
        self._lock = threading.Lock()

    def worst(self, request: Request) -> float:
        """USD, with the whole input written to a cache and the whole output used."""
        tokens = round((len(request.prefix) + len(request.text)) / WORST_CHARS_PER_TOKEN)
        written = {"cache_write_1h_tokens" if self.batch else "cache_write_5m_tokens": tokens}
        return self.cost(Usage(output_tokens=request.max_tokens, **written))

    def cost(self, usage: Usage) -> float:
        return self._prices.cost(self._price, usage, batch=self.batch)

    def take(self, request: Request) -> bool:
        """Hold back the worst cost of a request; False when there is not enough left."""
        worst = self.worst(request)
        with self._lock:
            open_cost = sum(self._held.values())
            if self.limit is not None and self.spent + open_cost + worst > self.limit:
                return False
            self._held[request.key] = worst
        return True

    def settle(self, key: str, usage: Usage) -> None:
        """Replace what was held back by what it cost."""
        with self._lock:
            self._held.pop(key, None)
            self.spent += self.cost(usage)

    def stop(self, left: int) -> BudgetError:
        return BudgetError(
            f"stopped before max_cost_usd={self.limit:g}: {self.spent:.4f} USD are spent in this "
            f"run, and one of the {left} requests that are left may pass the limit. What was paid "
            "for is kept and not asked for again: raise raw_examples.max_cost_usd and run the same "
            "command, or lower num_examples"
        )
