"""Tokens and money: the price table (``prices.yaml``, dated) and the sum of usage counters."""

from __future__ import annotations

import datetime
import ipaddress
import os
from dataclasses import dataclass, fields
from pathlib import Path
from typing import Any, Literal
from urllib.parse import urlsplit

import yaml
from pydantic import BaseModel, ConfigDict, ValidationError, field_validator

from clitron_dagster.errors import ClitronError

TABLE = Path(__file__).with_name("prices.yaml")
MILLION = 1_000_000


class PriceError(ClitronError):
    """A price that is not known, or a table that cannot be read."""


@dataclass(frozen=True)
class Usage:
    """Tokens of one or many requests, as an API counts them."""

    requests: int = 0
    input_tokens: int = 0  # at full price: neither read from a cache nor written to one
    cache_read_tokens: int = 0
    cache_write_5m_tokens: int = 0
    cache_write_1h_tokens: int = 0
    output_tokens: int = 0

    def __add__(self, other: Usage) -> Usage:
        names = [field.name for field in fields(self)]
        return Usage(**{name: getattr(self, name) + getattr(other, name) for name in names})

    def as_dict(self) -> dict[str, int]:
        return {field.name: getattr(self, field.name) for field in fields(self)}


class ModelPrice(BaseModel):
    """USD per million tokens."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    backend: Literal["anthropic", "openai"]
    input: float
    output: float
    cache_min_tokens: int = 0


class Prices(BaseModel):
    """The table."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    date: str
    source: str = ""
    batch: float = 1.0
    cache_read: float = 1.0
    cache_write_5m: float = 1.0
    cache_write_1h: float = 1.0
    models: dict[str, ModelPrice]

    @field_validator("date", mode="before")
    @classmethod
    def _date_as_text(cls, value: Any) -> Any:
        return value.isoformat() if isinstance(value, datetime.date) else value

    def cost(self, price: ModelPrice, usage: Usage, *, batch: bool) -> float:
        """USD."""
        tokens = (
            usage.input_tokens
            + usage.cache_read_tokens * self.cache_read
            + usage.cache_write_5m_tokens * self.cache_write_5m
            + usage.cache_write_1h_tokens * self.cache_write_1h
        )
        cost = (tokens * price.input + usage.output_tokens * price.output) / MILLION
        return cost * self.batch if batch else cost

    def find(self, backend: str, model: str, base_url: str = "") -> ModelPrice | None:
        """The model's price; 0 for a server on this machine or network, None where unknown."""
        price = self.models.get(model)
        if price and price.backend == backend:
            return price
        if backend == "openai" and _is_near(base_url):
            return ModelPrice(backend="openai", input=0, output=0)
        return None


def load_prices(file: Path | None = None) -> Prices:
    """The table that is shipped, or the one that ``CLITRON_PRICES`` names.

    Raises:
        PriceError: it cannot be read, or is not of the form of ``prices.yaml``.
    """
    named = os.environ.get("CLITRON_PRICES")
    path = file or (Path(named).expanduser() if named else TABLE)
    try:
        loaded: Any = yaml.safe_load(path.read_text(encoding="utf-8"))
        return Prices.model_validate(loaded)
    except OSError as error:
        raise PriceError(f"{path}: cannot be read ({error.strerror}); see CLITRON_PRICES") from None
    except yaml.YAMLError as error:
        raise PriceError(f"{path}: not YAML ({' '.join(str(error).split())[:200]})") from None
    except ValidationError as error:
        first = error.errors()[0]
        place = ".".join(str(part) for part in first["loc"]) or "the table"
        raise PriceError(f"{path}: {place}: {first['msg'].lower()}; compare {TABLE.name}") from None


def _is_near(base_url: str) -> bool:
    host = urlsplit(base_url).hostname or ""
    if host == "localhost" or host.endswith((".localhost", ".local", ".internal")):
        return True
    try:
        address = ipaddress.ip_address(host)
    except ValueError:
        return "." not in host and bool(host)  # a bare name: a container or a machine next door
    return address.is_private or address.is_loopback
