"""What comes in over HTTP and how it is refused: bodies, chat messages, errors in OpenAI's shape.

Format: https://platform.openai.com/docs/api-reference/chat
"""

from __future__ import annotations

import asyncio
import json
from collections.abc import Mapping
from typing import Any

from starlette.requests import Request
from starlette.responses import JSONResponse

from clitron_dagster.errors import ClitronError

MAX_BODY_BYTES = 1 << 20
BODY_TIMEOUT_S = 30.0


class ApiError(ClitronError):
    """A refusal with its HTTP status; ``param`` names the field that is wrong."""

    def __init__(
        self,
        message: str,
        *,
        status: int = 400,
        kind: str = "invalid_request_error",
        param: str | None = None,
        code: str | None = None,
        headers: Mapping[str, str] | None = None,
    ) -> None:
        super().__init__(message)
        self.status, self.kind, self.param, self.code = status, kind, param, code
        self.headers = headers

    def response(self) -> JSONResponse:
        """``{"error": {"message", "type", "param", "code"}}``, as OpenAI's clients expect it."""
        error = {"message": str(self), "type": self.kind, "param": self.param, "code": self.code}
        return JSONResponse({"error": error}, self.status, headers=self.headers)


# -- bodies ---------------------------------------------------------------------------------------


async def read_object(request: Request) -> dict[str, Any]:
    """The body as a JSON object.

    Raises:
        ApiError: it is too large, too slow, not UTF-8, not JSON, or not an object.
    """
    try:
        async with asyncio.timeout(BODY_TIMEOUT_S):
            body = await _read(request)
    except TimeoutError:
        raise ApiError(f"the body did not arrive in {BODY_TIMEOUT_S:.0f} s", status=408) from None
    if not body.strip():
        raise ApiError("the body is empty; send a JSON object")
    try:
        value = json.loads(body.decode("utf-8-sig"), parse_constant=_no_number)
        json.dumps(value, ensure_ascii=False).encode()  # half a surrogate pair is no text
    except UnicodeDecodeError as error:
        raise ApiError(f"the body is not UTF-8 (byte {error.start})") from None
    except UnicodeEncodeError:
        raise ApiError("a text in the body has half a surrogate pair; send whole ones") from None
    except json.JSONDecodeError as error:
        where = f"line {error.lineno}, column {error.colno}"
        raise ApiError(f"the body is not JSON ({where}: {error.msg.lower()})") from None
    except RecursionError:
        raise ApiError("the body is nested too deeply") from None
    except ValueError as error:
        raise ApiError(f"the body is not JSON ({str(error).split(';')[0].lower()})") from None
    if not isinstance(value, dict):
        raise ApiError(f"the body is a JSON {kind_of(value)}, not an object")
    return value


async def _read(request: Request) -> bytes:
    declared = request.headers.get("content-length", "")
    body = bytearray()
    too_large = declared.isdecimal() and int(declared) > MAX_BODY_BYTES
    if not too_large:
        async for chunk in request.stream():
            body += chunk
            if too_large := len(body) > MAX_BODY_BYTES:
                break
    if too_large:
        limit = f"{MAX_BODY_BYTES >> 20} MiB"
        raise ApiError(f"the body is larger than {limit}; a request is a sentence", status=413)
    return bytes(body)


def _no_number(word: str) -> None:
    raise ValueError(f"{word} is no number in JSON")


_KINDS = {list: "list", str: "string", int: "number", float: "number", bool: "boolean"}


def kind_of(value: Any) -> str:
    """What JSON calls a value."""
    return "null" if value is None else _KINDS.get(type(value), "object")


# -- chat messages --------------------------------------------------------------------------------


def last_request(body: Mapping[str, Any]) -> str:
    """The text of the last user message; the messages before it and the system's are passed over.

    Raises:
        ApiError: there is none, or it is no text.
    """
    messages = body.get("messages")
    if not isinstance(messages, list):
        found = "missing" if "messages" not in body else f"a {kind_of(messages)}"
        raise ApiError(
            f'`messages` is {found}; send [{{"role": "user", "content": "..."}}]', param="messages"
        )
    for place, message in reversed(list(enumerate(messages))):
        name = f"messages[{place}]"
        if not isinstance(message, dict) or not isinstance(message.get("role"), str):
            raise ApiError(f"`{name}` is not an object with `role` and `content`", param=name)
        if message["role"] == "user":
            return _text(message.get("content"), f"{name}.content")
    raise ApiError("`messages` has none of role `user`, which holds the request", param="messages")


def _text(content: Any, name: str) -> str:
    """A text, or OpenAI's list of parts where all are text."""
    parts = content if isinstance(content, list) else [{"type": "text", "text": content}]
    texts = []
    for part in parts:
        text = part.get("text") if isinstance(part, dict) and part.get("type") == "text" else None
        if not isinstance(text, str):
            raise ApiError(f"`{name}` is not text, the only thing that is understood", param=name)
        texts.append(text)
    return "\n".join(texts)


def flag(body: Mapping[str, Any], name: str) -> bool:
    """An optional boolean field.

    Raises:
        ApiError: it is something else.
    """
    value = body.get(name)
    if value is not None and not isinstance(value, bool):
        raise ApiError(f"`{name}` is a {kind_of(value)}, not true or false", param=name)
    return bool(value)
