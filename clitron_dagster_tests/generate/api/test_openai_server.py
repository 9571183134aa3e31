"""The OpenAI-compatible backend against a stand-in: forms, faults, resuming."""

from __future__ import annotations

import json
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

import pytest

from clitron_dagster.generate.api.backend import ApiError
from clitron_dagster_tests.generate.api.conftest import Generate
from clitron_dagster_tests.generate.api.stand_in import StandIn
from clitron_dagster_tests.generate.helpers import notes


class Server:
    """What it refuses, and what it saw."""

    def __init__(self) -> None:
        self.rows = StandIn(notes())
        self.url = ""
        self.refused: tuple[str, ...] = ()  # words in a request's body that it does not know
        self.faults: dict[int, int] = {}
        self.seen: list[dict[str, Any]] = []
        self.keys: set[str | None] = set()


@pytest.fixture
def server(monkeypatch: pytest.MonkeyPatch) -> Iterator[Server]:
    state = Server()

    class Handler(BaseHTTPRequestHandler):
        def log_message(self, *_: Any) -> None:
            pass

        def do_POST(self) -> None:
            text = self.rfile.read(int(self.headers["content-length"])).decode()
            with state.rows.lock:
                body = json.loads(text)
                state.seen.append(body)
                state.keys.add(self.headers.get("authorization"))
                status = state.faults.get(len(state.seen), 200)
                unknown = [word for word in state.refused if f'"{word}"' in text]
                if unknown:
                    status = 400
                if status != 200:
                    hint = " Use max_completion_tokens." if "max_tokens" in unknown else ""
                    return self.reply(status, {"error": {"message": f"no {unknown}.{hint}"}})
                self.reply(200, self.completion(body))

        def completion(self, body: dict[str, Any]) -> dict[str, Any]:
            asked = {"content": body["messages"][1]["content"]}
            prefix = {"text": body["messages"][0]["content"]}
            params = {"messages": [asked], "system": [prefix], "model": body["model"]}
            made = state.rows.message(params)
            usage = {"prompt_tokens": 900, "completion_tokens": made["usage"]["output_tokens"]}
            text = f"```json\n{made['content'][0]['text']}\n```"
            choice = {"message": {"role": "assistant", "content": text}, "finish_reason": "stop"}
            return {"choices": [choice], "usage": usage}

        def reply(self, status: int, value: Any) -> None:
            data = json.dumps(value).encode()
            self.send_response(status)
            self.send_header("content-length", str(len(data)))
            self.send_header("retry-after", "0.01")
            self.end_headers()
            self.wfile.write(data)

    http = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    state.url = f"http://127.0.0.1:{http.server_port}/v1"
    thread = threading.Thread(target=http.serve_forever, kwargs={"poll_interval": 0.05})
    thread.start()
    monkeypatch.delenv("OPENAI_API_KEY", raising=False)
    yield state
    http.shutdown()
    http.server_close()
    thread.join()


def test_rows_for_nothing_from_a_server_on_this_machine(server: Server, generate: Generate) -> None:
    server.faults = {2: 429, 4: 503}
    metrics, rows = generate(source="openai:tiny", openai_base_url=server.url)
    assert {row["source"] for row in rows} == {"openai"}
    assert len(rows) >= 72
    assert metrics["cost_usd"] == 0
    assert metrics["input_tokens"] == 900 * metrics["requests"]
    assert server.seen[0]["response_format"]["type"] == "json_schema"
    assert server.keys == {None}
    calls = len(server.seen)
    _, again = generate(source="openai:tiny", openai_base_url=server.url, fingerprint="b")
    assert again == rows
    assert len(server.seen) == calls


def test_a_server_that_knows_neither_forms_nor_max_tokens(
    server: Server, generate: Generate, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("OPENAI_API_KEY", "sk-test-123456789")
    server.refused = ("json_schema", "json_object", "max_tokens")
    _, rows = generate(source="openai:tiny", openai_base_url=server.url, num_examples=40)
    assert len(rows) >= 34
    assert "response_format" not in server.seen[-1]
    assert "max_completion_tokens" in server.seen[-1]
    assert server.keys == {"Bearer sk-test-123456789"}


@pytest.mark.parametrize(
    ("status", "words"),
    [(401, "refuses the key"), (404, "no such address or model `tiny`"), (500, "an error")],
)
def test_refusals_in_words(server: Server, generate: Generate, status: int, words: str) -> None:
    server.faults = dict.fromkeys(range(1, 20), status)
    with pytest.raises(ApiError, match=words):
        generate(source="openai:tiny", openai_base_url=server.url, max_retries=1)


def test_no_model_and_no_server(generate: Generate) -> None:
    with pytest.raises(ApiError, match=r"set raw_examples\.openai_model"):
        generate(source="openai")
    with pytest.raises(ApiError, match=r"cannot reach 127\.0\.0\.1:9"):
        generate(source="openai:x", openai_base_url="http://127.0.0.1:9/v1", max_retries=0)
