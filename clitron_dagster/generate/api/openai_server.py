"""Backend ``openai``: any server that speaks OpenAI's chat completions (Ollama, vLLM, llama-server).

``raw_examples.openai_base_url`` and ``openai_model`` (or ``openai:<model>`` in ``source``) name it.
A key is taken from OPENAI_API_KEY where there is one. The JSON form is forced by ``json_schema``;
a server that refuses that is asked for ``json_object``, then for nothing but what the prompt says.
"""

from __future__ import annotations

import json
import os
import time
from typing import Any
from urllib.parse import urlsplit

import httpx

from clitron_dagster.generate.api.answers import Reply
from clitron_dagster.generate.api.backend import ApiError, Request, words_of
from clitron_dagster.generate.api.prompt import FORMAT
from clitron_dagster.generate.config import RawExamplesConfig
from clitron_dagster.generate.prices import Usage

_SCHEMA = {"name": "rows", "schema": FORMAT, "strict": True}
# What to try in turn; a server's first "no" to one of them moves all later requests on.
_FORMS: tuple[dict[str, Any], ...] = (
    {"response_format": {"type": "json_schema", "json_schema": _SCHEMA}},
    {"response_format": {"type": "json_object"}},
    {},
)
_PASSING = (408, 409, 429)  # and 5xx: worth another try
_MAX_WAIT = 60.0  # seconds


class OpenAiServer:
    """One model behind one server."""

    name = "openai"

    def __init__(self, model: str, config: RawExamplesConfig):
        if not model:
            raise ApiError(
                "no model is named for the source `openai`; set raw_examples.openai_model, or write "
                "the source as openai:<model>"
            )
        self.model, self.retries = model, config.max_retries
        self.place = urlsplit(config.openai_base_url).netloc
        key = os.environ.get("OPENAI_API_KEY", "").strip()
        self._form, self._limit = 0, "max_tokens"
        self._client = httpx.Client(
            base_url=config.openai_base_url,
            headers={"Authorization": f"Bearer {key}"} if key else {},
            timeout=httpx.Timeout(config.timeout_seconds, connect=10),
        )

    def ask(self, request: Request) -> str:
        attempt = 0
        while True:
            form, limit = self._form, self._limit
            status, body, wait = self._post(self._body(request, form, limit))
            if status < 300:
                return body
            if status in (400, 415, 422, 501) and self._step_down(body, form, limit):
                continue
            if (status not in _PASSING and status < 500) or attempt >= self.retries:
                raise self._explain(status, body)
            time.sleep(min(wait if wait is not None else 0.5 * 2**attempt, _MAX_WAIT))
            attempt += 1

    def _body(self, request: Request, form: int, limit: str) -> dict[str, Any]:
        return {
            "model": self.model,
            "messages": [
                {"role": "system", "content": request.prefix},
                {"role": "user", "content": request.text},
            ],
            limit: request.max_tokens,
            **_FORMS[form],
        }

    def _post(self, body: dict[str, Any]) -> tuple[int, str, float | None]:
        """Status, body, and the seconds that the server asks us to wait; 599 when unreachable."""
        try:
            response = self._client.post("/chat/completions", json=body)
        except httpx.HTTPError as error:
            return 599, f"{type(error).__name__}: {error}", None
        try:
            wait = float(response.headers.get("retry-after", ""))
        except ValueError:
            wait = None
        return response.status_code, response.text, wait

    def _step_down(self, body: str, form: int, limit: str) -> bool:
        """Ask for less after a refusal; False when there is nothing less to ask for."""
        if "max_completion_tokens" in body and limit == "max_tokens":
            self._limit = "max_completion_tokens"
            return True
        if form + 1 < len(_FORMS):
            self._form = max(self._form, form + 1)
            return True
        return False

    def read(self, body: str) -> Reply:
        return read_completion(body)

    def _explain(self, status: int, body: str) -> ApiError:
        kept = "; what was answered is kept, and running the same command again goes on from there"
        said = words_of(_said(body))
        if status == 599:
            return ApiError(
                f"cannot reach {self.place} ({said}); start the server, or set "
                f"raw_examples.openai_base_url{kept}"
            )
        if status in (401, 403):
            return ApiError(
                f"{self.place} refuses the key ({status}): {said}; set OPENAI_API_KEY{kept}"
            )
        if status == 404:
            return ApiError(
                f"{self.place} knows no such address or model `{self.model}` (404): {said}; set "
                f"raw_examples.openai_base_url (it ends in /v1) and openai_model{kept}"
            )
        return ApiError(f"{self.place} answers with an error ({status}): {said}{kept}")


def read_completion(body: str) -> Reply:
    """What a chat completion says."""
    try:
        value = json.loads(body)
        choice = value["choices"][0]
        text, stop = choice["message"].get("content") or "", choice.get("finish_reason")
        usage = _usage(value.get("usage") or {})
        refused = choice["message"].get("refusal") or stop == "content_filter"
    except (ValueError, LookupError, TypeError, AttributeError):
        return Reply(problem="unreadable")
    if refused:
        return Reply(usage=usage, problem="refusal")
    return Reply(text, usage, "max_tokens" if stop == "length" else "")


def _usage(counted: dict[str, Any]) -> Usage:
    cached = (counted.get("prompt_tokens_details") or {}).get("cached_tokens") or 0
    return Usage(
        requests=1,
        input_tokens=max(0, int(counted.get("prompt_tokens") or 0) - cached),
        cache_read_tokens=cached,
        output_tokens=int(counted.get("completion_tokens") or 0),
    )


def _said(body: str) -> str:
    """The message of an error body of one of the usual forms, or its beginning."""
    try:
        error = json.loads(body)["error"]
        return str(error["message"] if isinstance(error, dict) else error)
    except (ValueError, LookupError, TypeError):
        return body[:200]
