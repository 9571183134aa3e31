"""The HTTP side of ``clitron serve``: its own endpoint, OpenAI's, and health.

Of a request nothing is logged above debug, also where something unforeseen fails.
"""

from __future__ import annotations

import asyncio
import functools
import json
import logging
import time
import uuid
from collections.abc import Callable, Coroutine, Sequence
from typing import Any

from starlette.applications import Starlette
from starlette.exceptions import HTTPException
from starlette.middleware import Middleware
from starlette.middleware.trustedhost import TrustedHostMiddleware
from starlette.requests import ClientDisconnect, Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from clitron_dagster import prompt
from clitron_dagster.answer import canonical
from clitron_dagster.decide import band, effect_of
from clitron_dagster.errors import ClitronError
from clitron_dagster.explain import explain
from clitron_dagster.inference.engine import TooLongError
from clitron_dagster.prompt import RequestError
from clitron_dagster.quoting import quote_line
from clitron_dagster.schema import Schema
from clitron_dagster.serve.wire import ApiError, flag, kind_of, last_request, read_object
from clitron_dagster.serve.worker import BusyError, Reply, StoppedError, Worker

log = logging.getLogger(__name__)
Endpoint = Callable[[Request], Coroutine[Any, Any, Response]]


def make_app(
    schema: Schema, worker: Worker, *, name: str, hosts: Sequence[str] | None = None
) -> Starlette:
    """The application around a running worker.

    Args:
        name: what the model is called to clients, such as ``clitron-git-q8_0``.
        hosts: the Host headers that are answered (a web page that points its own name at this
            machine is not among them); None for all.
    """
    service = _Service(schema, worker, name)
    routes = [
        Route("/v1/interpret", _guarded(service.interpret), methods=["POST"]),
        Route("/v1/chat/completions", _guarded(service.chat), methods=["POST"]),
        Route("/v1/models", _guarded(service.models)),
        Route("/v1/models/{model:path}", _guarded(service.models)),
        Route("/health", _guarded(service.health)),
    ]
    middleware = []
    if hosts is not None:
        middleware = [Middleware(TrustedHostMiddleware, allowed_hosts=hosts, www_redirect=False)]
    return Starlette(
        routes=routes, middleware=middleware, exception_handlers={HTTPException: _no_route}
    )


class _Service:
    def __init__(self, schema: Schema, worker: Worker, name: str) -> None:
        self.schema, self.worker, self.name = schema, worker, name
        self.started = int(time.time())

    async def interpret(self, request: Request) -> Response:
        body = await read_object(request)
        unknown = sorted(body.keys() - {"request", "context"})
        if unknown:
            words = f"there is no field `{unknown[0]}`; send `request` and, if any, `context`"
            raise ApiError(words, param=unknown[0])
        if not isinstance(body.get("request"), str):
            found = f"a {kind_of(body['request'])}" if "request" in body else "missing"
            raise ApiError(f"`request` is {found}; it is a text", param="request")
        started = time.perf_counter()
        reply = await self._ask(body["request"], body.get("context"))
        latency_ms = round((time.perf_counter() - started) * 1000, 2)
        return JSONResponse({**interpretation(self.schema, reply.row), "latency_ms": latency_ms})

    async def chat(self, request: Request) -> Response:
        body = await read_object(request)
        stream, options = flag(body, "stream"), body.get("stream_options")
        with_usage = flag(options, "include_usage") if isinstance(options, dict) else False
        reply = await self._ask(last_request(body), body.get("context"))
        answer = {"role": "assistant", "content": canonical(reply.row["response"])}
        head = {
            "id": f"chatcmpl-{uuid.uuid4().hex}",
            "object": "chat.completion.chunk" if stream else "chat.completion",
            "created": int(time.time()),
            "model": self.name,
        }
        end = {"index": 0, "logprobs": None, "finish_reason": "stop"}
        usage = {
            "prompt_tokens": reply.prompt_tokens,
            "completion_tokens": reply.answer_tokens,
            "total_tokens": reply.prompt_tokens + reply.answer_tokens,
        }
        if not stream:
            return JSONResponse({**head, "choices": [{**end, "message": answer}], "usage": usage})
        events = [json.dumps({**head, "choices": [{**end, "delta": answer}]})]
        if with_usage:
            events.append(json.dumps({**head, "choices": [], "usage": usage}))
        text = "".join(f"data: {event}\n\n" for event in [*events, "[DONE]"])
        return Response(text, headers={"cache-control": "no-cache"}, media_type="text/event-stream")

    async def models(self, request: Request) -> Response:
        model = {
            "id": self.name,
            "object": "model",
            "created": self.started,
            "owned_by": "clitron",
        }
        asked = request.path_params.get("model")
        if asked is None:
            return JSONResponse({"object": "list", "data": [model]})
        if asked != self.name:
            raise ApiError(
                f"the only model here is {self.name}", status=404, code="model_not_found"
            )
        return JSONResponse(model)

    async def health(self, request: Request) -> Response:
        alive = self.worker.alive
        body = {
            "status": "ok" if alive else "stopping",
            "cli": self.schema.cli_name,
            "model": self.name,
            "waiting": self.worker.queued,
            "answering": self.worker.answering,
        }
        return JSONResponse(body, 200 if alive else 503)

    async def _ask(self, request: str, context: Any) -> Reply:
        """The answered request.

        Raises:
            ApiError: it is refused, the queue is full, or the model has no legal answer.
        """
        log.debug("request %r, context %r", request, context)
        try:
            prompt.messages(self.schema, request, context)  # refused before it waits
            reply = await asyncio.wrap_future(
                self.worker.submit({"nl": request, "context": context})
            )
        except (RequestError, TooLongError) as error:
            raise ApiError(str(error)) from None
        except BusyError as error:
            raise ApiError(
                str(error),
                status=503,
                kind="server_error",
                code="queue_full",
                headers={"retry-after": str(error.wait_s)},
            ) from None
        except StoppedError as error:
            raise ApiError(str(error), status=503, kind="server_error") from None
        log.debug("reply %r", reply)
        if reply.row.get("error"):
            words = f"no answer: {reply.row['error']}"
            raise ApiError(words, status=422, kind="no_answer", code="no_answer")
        return reply


def interpretation(schema: Schema, row: dict[str, Any]) -> dict[str, Any]:
    """An answered row for a program that shows or runs it.

    A clarification has no ``argv``, ``command`` and ``effect``, and its ``band`` is ``ask``, however
    sure the model is that it has to ask.
    """
    response, argv = row["response"], row["argv"]
    result = {
        "response": response,
        "argv": argv,
        "command": None,
        "confidence": row["confidence"],
        "effect": None,
        "band": "ask",
        "explanation": [],
    }
    if argv is None:
        return result
    unit = schema.unit(response["command"], response["subcommand"])
    return {
        **result,
        "command": quote_line(argv),
        "effect": effect_of(unit, response),
        "band": band(row["confidence"]),
        "explanation": [list(line) for line in explain(schema, response)],
    }


# -- errors ---------------------------------------------------------------------------------------


def _guarded(endpoint: Endpoint) -> Endpoint:
    """Every failure as JSON; of one that was not foreseen only its kind is logged."""

    @functools.wraps(endpoint)
    async def run(request: Request) -> Response:
        try:
            return await endpoint(request)
        except ApiError as error:
            return error.response()
        except ClientDisconnect:
            return Response(status_code=400)  # nobody reads it
        except ClitronError as error:
            return ApiError(str(error), status=500, kind="server_error").response()
        except Exception as error:  # the server goes on
            log.error("%s failed: %s", endpoint.__name__, type(error).__name__)
            log.debug("because", exc_info=True)
            words = f"this was not foreseen ({type(error).__name__}); the server goes on"
            return ApiError(words, status=500, kind="server_error").response()

    return run


async def _no_route(request: Request, error: Exception) -> Response:
    assert isinstance(error, HTTPException)
    words = "there are POST /v1/interpret, POST /v1/chat/completions, GET /v1/models, GET /health"
    if error.status_code == 405:
        words = f"{request.url.path} does not take {request.method}; {words}"
    return ApiError(words, status=error.status_code, headers=error.headers).response()
