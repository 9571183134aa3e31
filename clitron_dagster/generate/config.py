"""Settings of raw_examples: how many requests, in which proportions, and who writes them."""

from __future__ import annotations

from typing import Any, Literal
from urllib.parse import urlsplit

from pydantic import (
    Field,
    SerializerFunctionWrapHandler,
    field_validator,
    model_serializer,
    model_validator,
)

from clitron_dagster.errors import ClitronError
from clitron_dagster.generate.api import voices
from clitron_dagster.stage import StageConfig

BACKENDS = ("offline", "anthropic", "openai")
# Left out of the fingerprint where the offline generator works alone.
_API_FIELDS = (
    "source", "anthropic_model", "openai_model", "rows_per_request", "max_tokens_per_row",
)  # fmt: skip


class RawExamplesConfig(StageConfig):
    """How many requests are made, and in which proportions. All shares are between 0 and 1."""

    num_examples: int = Field(default=3000, ge=1)
    seed: int = 17
    # kinds of row; they add up to 1 (seed 004: 60 % / 20 % / 20 %)
    share_with_context: float = Field(default=0.60, ge=0, le=1)
    share_without_context: float = Field(default=0.20, ge=0, le=1)
    share_negative: float = Field(default=0.20, ge=0, le=1)
    min_per_unit: int = Field(default=12, ge=1)  # commands for the least described unit
    author_share: float = Field(default=0.42, ge=0, le=1)  # of a unit that has author's examples
    reference_rate: float = Field(default=0.22, ge=0, le=1)  # "this pr", of rows where it can be
    contrast_rate: float = Field(default=0.12, ge=0, le=1)  # same request again, one option fewer
    literal_rate: float = Field(default=0.04, ge=0, le=1)  # the command line itself, as typed
    typo_rate: float = Field(default=0.04, ge=0, le=1)  # rows with a slip in a word (never a value)
    number_word_rate: float = Field(default=0.15, ge=0, le=1)  # "last three" for a count of 3

    # Who writes them: weights of backends (offline, anthropic, openai), each with an optional model:
    # {"offline": 0.5, "anthropic": 0.3, "openai:llama3.1": 0.2} (docs/generation.md)
    source: dict[str, float] = Field(default={"offline": 1.0})
    anthropic_model: str = "claude-haiku-5-5"
    openai_model: str = ""
    rows_per_request: int = Field(default=12, ge=1, le=50)
    max_tokens_per_row: int = Field(default=150, ge=20)  # a longer answer is cut and thrown away

    # How they are asked. None of these decides what comes out, so none is in the fingerprint.
    openai_base_url: str = Field(default="http://127.0.0.1:11434/v1", exclude=True)
    mode: Literal["auto", "batch", "message"] = Field(default="auto", exclude=True)  # anthropic
    concurrency: int = Field(
        default=4, ge=1, le=64, exclude=True
    )  # requests at once, without batches
    max_retries: int = Field(default=6, ge=0, exclude=True)
    timeout_seconds: float = Field(default=300, gt=0, exclude=True)  # of one request
    batch_poll_seconds: float = Field(default=30, gt=0, exclude=True)
    max_cost_usd: float | None = Field(
        default=5.0, ge=0, exclude=True
    )  # of one run; null: no limit

    @field_validator("source", mode="before")
    @classmethod
    def _one_source(cls, value: Any) -> Any:
        return {value: 1.0} if isinstance(value, str) else value

    @field_validator("source")
    @classmethod
    def _known_sources(cls, value: dict[str, float]) -> dict[str, float]:
        for name, weight in value.items():
            backend = name.partition(":")[0]
            if backend not in BACKENDS or name == "offline:":
                raise ValueError(f"`{name}` is no source; there are: {', '.join(BACKENDS)}")
            if not weight > 0:
                raise ValueError(f"`{name}` has weight {weight:g}; leave it out, or give it more")
        if not value:
            raise ValueError(f"it is empty; name one of {', '.join(BACKENDS)}")
        return value

    @field_validator("openai_base_url")
    @classmethod
    def _no_credentials_in_url(cls, value: str) -> str:
        if "@" in value or "?" in value:  # first, as no other error may repeat such a value
            # not a ValueError: pydantic would show the value, and with it the secret
            raise ClitronError(
                "raw_examples.openai_base_url holds credentials or a query; leave the bare URL, and "
                "put the key into the environment as OPENAI_API_KEY"
            )
        parts = urlsplit(value)
        if parts.scheme not in ("http", "https") or not parts.hostname:
            raise ValueError("it is not of the form http://host:port/v1")
        return value.rstrip("/")

    @model_validator(mode="after")
    def _shares_add_up(self) -> RawExamplesConfig:
        total = self.share_with_context + self.share_without_context + self.share_negative
        if abs(total - 1) > 1e-6:
            raise ValueError(
                "share_with_context, share_without_context and share_negative add up to "
                f"{total:g}; make them add up to 1"
            )
        return self

    @property
    def pays(self) -> bool:
        return list(self.campaigns) != ["offline"]

    @property
    def campaigns(self) -> dict[str, float]:
        """``backend:model`` (or ``offline``) → share; shares add up to 1."""
        models = {"anthropic": self.anthropic_model, "openai": self.openai_model}
        whole = sum(self.source.values())
        shares: dict[str, float] = {}
        for name, weight in self.source.items():
            backend, _, model = name.partition(":")
            if backend != "offline":
                name = f"{backend}:{model or models[backend]}"
            shares[name] = shares.get(name, 0.0) + weight / whole
        return shares

    @model_serializer(mode="wrap")
    def _what_decides(self, handler: SerializerFunctionWrapHandler) -> dict[str, Any]:
        """Only what the rows depend on, so that the offline path keeps its fingerprints."""
        data: dict[str, Any] = handler(self)
        if not self.pays:
            return {key: value for key, value in data.items() if key not in _API_FIELDS}
        unused = ("anthropic_model", "openai_model")  # `source` names the models
        used = {k: v for k, v in data.items() if k not in unused}
        return used | {"source": self.campaigns, "prompt_version": voices.PROMPT_VERSION}
