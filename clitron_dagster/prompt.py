"""The one place that builds the model's prompt: training, evaluation, Modelfile and serving.

A system line with the CLI's name, one line for each context key that is set, the request; wrapped
in the base model's own chat template. Kept short: on a CPU every prompt token is paid for in
training and in latency.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any

from clitron_dagster.errors import ClitronError
from clitron_dagster.schema import Schema

PROMPT_VERSION = "1"
# What a tokenizer would read as a control token, so that a request could end its own turn.
_CONTROL = re.compile(r"(<)(\||/?s>)")
MAX_REQUEST_CHARS = 2_000


class RequestError(ClitronError):
    """A request or context that cannot be put to a model."""


def system_line(cli_name: str) -> str:
    return f"Turn the request into a {cli_name} command as JSON."


def messages(schema: Schema, request: str, context: Any = None) -> list[dict[str, str]]:
    """Chat messages for one request.

    Raises:
        RequestError: the request is empty or too long, or the context is not an object.
    """
    request = " ".join(request.split())
    if not request:
        raise RequestError("the request is empty; say what you want to do")
    if len(request) > MAX_REQUEST_CHARS:
        limit = f"at most {MAX_REQUEST_CHARS} fit"
        raise RequestError(f"the request has {len(request)} characters; {limit}, so shorten it")
    lines = [f"{key}: {value}" for key, value in context_items(schema, context)]
    user = _CONTROL.sub(r"\1 \2", "\n".join([*lines, request]))
    return [
        {"role": "system", "content": system_line(schema.cli_name)},
        {"role": "user", "content": user},
    ]


def context_items(schema: Schema, context: Any) -> list[tuple[str, str]]:
    """The context's facts that this CLI understands, in schema order: (last name of key, text).

    ``context`` nests by the key's dots: ``{"git": {"current_branch": "main"}}``. Unset facts (null,
    empty) are left out.

    Raises:
        RequestError: the context, or a part that should nest, is not an object.
    """
    if context is None:
        return []
    if not isinstance(context, Mapping):
        kind = type(context).__name__
        example = '{"git": {"current_branch": "main"}}'
        raise RequestError(f"the context is a JSON {kind}, not an object such as {example}")
    items = []
    for key in schema.context:
        value: Any = context
        for part in key.split("."):
            if value is None:
                break
            if not isinstance(value, Mapping):
                raise RequestError(f"the context's `{key.rsplit('.', 1)[0]}` is not an object")
            value = value.get(part)
        if value is None or value == "":
            continue
        if isinstance(value, Mapping | list):
            raise RequestError(f"the context's `{key}` is not a plain value")
        text = str(value).lower() if isinstance(value, bool) else " ".join(str(value).split())
        items.append((key.rsplit(".", 1)[-1], text))
    return items


def render(tokenizer: Any, chat: list[dict[str, str]]) -> str:
    """The prompt's text by the tokenizer's own chat template, up to where the answer begins."""
    return str(tokenizer.apply_chat_template(chat, tokenize=False, add_generation_prompt=True))
