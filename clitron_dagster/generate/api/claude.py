"""Backend ``anthropic``: the Messages API, with a forced JSON form and a cached prefix.

The key comes from ANTHROPIC_API_KEY (or ANTHROPIC_AUTH_TOKEN) and nowhere else; ANTHROPIC_BASE_URL
names another server. The SDK retries 408, 409, 429 and 5xx, and waits as long as the server asks.
Bodies are taken as text: what is paid for is written down before anything parses it.
"""

from __future__ import annotations

import json
import os
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit

from clitron_dagster.generate.api.answers import Reply
from clitron_dagster.generate.api.backend import ApiError, Request, words_of
from clitron_dagster.generate.api.prompt import FORMAT
from clitron_dagster.generate.config import RawExamplesConfig
from clitron_dagster.generate.prices import Usage

if TYPE_CHECKING:
    import anthropic


def key_from_environment() -> dict[str, str]:
    """The client's credential argument; empty where the environment has none."""
    if key := os.environ.get("ANTHROPIC_API_KEY", "").strip():
        return {"api_key": key}
    token = os.environ.get("ANTHROPIC_AUTH_TOKEN", "").strip()
    return {"auth_token": token} if token else {}


class Claude:
    """One model of the Claude API."""

    name = "anthropic"

    def __init__(self, model: str, config: RawExamplesConfig):
        import anthropic  # takes half a second

        credential = key_from_environment()
        if not credential:
            raise ApiError(
                "there is no key for the Claude API; set ANTHROPIC_API_KEY in the environment, or "
                "use --set raw_examples.source=offline, which needs none"
            )
        self.model, self.retries = model, config.max_retries
        self.client = anthropic.Anthropic(
            **credential,  # type: ignore[arg-type]
            max_retries=config.max_retries,
            timeout=config.timeout_seconds,
        )
        self.place = urlsplit(str(self.client.base_url)).hostname or "the server"

    def params(self, request: Request, ttl: str = "5m") -> dict[str, Any]:
        """The body of one Messages request."""
        cached = {"type": "ephemeral", "ttl": ttl}
        return {
            "model": self.model,
            "max_tokens": request.max_tokens,
            "system": [{"type": "text", "text": request.prefix, "cache_control": cached}],
            "messages": [{"role": "user", "content": request.text}],
            "output_config": {"format": {"type": "json_schema", "schema": FORMAT}},
        }

    def ask(self, request: Request) -> str:
        import anthropic

        try:
            response = self.client.messages.with_raw_response.create(**self.params(request))
            return str(response.http_response.text)
        except anthropic.AnthropicError as error:
            raise self.explain(error) from None

    def read(self, body: str) -> Reply:
        return read_message(body)

    def explain(self, error: anthropic.AnthropicError) -> ApiError:
        """An SDK's error in words that say what to do; never with a key in it."""
        import anthropic

        kept = "; what was answered is kept, and running the same command again goes on from there"
        if isinstance(error, anthropic.APIConnectionError):
            return ApiError(
                f"cannot reach {self.place} ({words_of(error)}); check the network and "
                f"ANTHROPIC_BASE_URL{kept}"
            )
        if not isinstance(error, anthropic.APIStatusError):
            return ApiError(f"the Claude API client failed: {words_of(error)}{kept}")
        said = words_of(error.api_message or error.message)
        status = error.status_code
        if status in (401, 403):
            return ApiError(
                f"{self.place} refuses the key ({status}): {said}; set a valid one in "
                f"ANTHROPIC_API_KEY{kept}"
            )
        if status == 402 or "credit balance" in said.lower():
            return ApiError(f"no money is left on the account at {self.place}: {said}{kept}")
        if status == 404:
            return ApiError(
                f"{self.place} knows no model `{self.model}` (404): {said}; set "
                f"raw_examples.anthropic_model{kept}"
            )
        if status == 429:
            return ApiError(
                f"{self.place} limits the rate, still after {self.retries} retries: {said}; lower "
                f"raw_examples.concurrency or wait{kept}"
            )
        return ApiError(f"{self.place} answers with an error ({status}): {said}{kept}")


def read_message(body: str) -> Reply:
    """Read a Messages response, or one line of a batch's results."""
    try:
        message = json.loads(body)
        message = message["result"]["message"] if "result" in message else message
        counted = message["usage"]
        text = "".join(b["text"] for b in message["content"] if b.get("type") == "text")
        usage = _usage(counted)
    except (ValueError, KeyError, TypeError, AttributeError):
        return Reply(problem="unreadable")
    stop = message.get("stop_reason")
    problem = stop if stop in ("refusal", "max_tokens", "model_context_window_exceeded") else ""
    return Reply(text if stop != "refusal" else "", usage, problem or "")


def _usage(counted: dict[str, Any]) -> Usage:
    written = counted.get("cache_creation_input_tokens") or 0
    parts = counted.get("cache_creation") or {}
    hour = parts.get("ephemeral_1h_input_tokens") or 0
    return Usage(
        requests=1,
        input_tokens=int(counted["input_tokens"]),
        cache_read_tokens=counted.get("cache_read_input_tokens") or 0,
        cache_write_5m_tokens=written - hour,
        cache_write_1h_tokens=hour,
        output_tokens=int(counted["output_tokens"]),
    )
