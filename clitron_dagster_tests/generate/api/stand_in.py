"""A stand-in for the Claude API: real HTTP on loopback, with a till that counts what is paid.

It answers a request for rows with rows of the offline generator. ``faults`` maps the number of a
Messages call (from 1) to what goes wrong with it; ``batch_faults`` the position in a batch.
"""

from __future__ import annotations

import json
import re
import threading
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

from clitron_dagster.argv import to_argv, to_shell
from clitron_dagster.generate import RawExamplesConfig, generate_unit
from clitron_dagster.schema import Schema

HAIKU = (0.10, 0.50)  # USD per million tokens
KEY = "sk-ant-test-0123456789abcdef"
OFFLINE = RawExamplesConfig(share_with_context=0, share_without_context=0.8, share_negative=0.2)


class StandIn:
    """The server's state. ``url`` is where it listens."""

    def __init__(self, schema: Schema):
        self.schema = schema
        self.url = ""
        self.faults: dict[int, str] = {}
        self.batch_faults: dict[int, str] = {}
        self.calls = 0
        self.batches: dict[str, dict[str, Any]] = {}
        self.paid: Counter[str] = Counter()  # the ask's text → times answered
        self.tokens: Counter[str] = Counter()
        self.bodies: list[dict[str, Any]] = []
        self.lost_batches = 0  # so many are made, and 500 is said all the same
        self.cut_results = 0  # so many times the results end in the middle of a line
        # "before", "made" (of a batch, which is not told yet) and "after" each call
        self.on: Callable[[str], None] = lambda _: None
        self.lock = threading.Lock()
        self._pools = {
            unit.key: generate_unit(schema, unit, 150, 7, OFFLINE) for unit in schema.units
        }
        self._served: Counter[str] = Counter()

    # -- answers ----------------------------------------------------------------------------------

    def message(self, params: dict[str, Any], fault: str = "") -> dict[str, Any]:
        text = params["messages"][0]["content"]
        answer = json.dumps({"rows": self._rows(text)})
        stop = "end_turn"
        if fault == "refusal":
            answer, stop = "", "refusal"
        elif fault == "cut":
            answer, stop = answer[: len(answer) * 2 // 3], "max_tokens"
        elif fault == "prose":
            answer = "Sure! Here are your rows."
        elif fault == "wrong":
            answer = re.sub(r'"argv": "notes \w+', '"argv": "notes vanish', answer)
        elif fault == "separators":  # JSON may hold them as they are; str.splitlines() cuts there
            answer = answer.replace('", "argv"', '\u2028\u0085", "argv"')
        self.paid[text] += 1
        usage = {
            "input_tokens": len(text) // 4,
            "cache_creation_input_tokens": 0,
            "cache_read_input_tokens": len(params["system"][0]["text"]) // 4,
            "output_tokens": len(answer) // 4 + 1,
        }
        self.tokens.update(usage)
        return {
            "id": "msg_1", "type": "message", "role": "assistant", "model": params["model"],
            "content": [{"type": "text", "text": answer}], "stop_reason": stop, "usage": usage,
        }  # fmt: skip

    def _rows(self, text: str) -> list[dict[str, Any]]:
        numbered = re.findall(r"^(\d+)\. (.*)$", text, re.M)
        named = re.search(r'^\{"command":"([^"]+)"', text, re.M)
        rows = []
        for number, words in numbered:
            if named is None:
                self._served[""] += 1
                rows.append(
                    {"n": int(number), "request": f"that thing {self._served['']}", "argv": ""}
                )
                assert "case " in words
                continue
            pool = self._pools[named[1]]
            row = pool[self._served[named[1]] % len(pool)]
            self._served[named[1]] += 1
            argv = to_argv(self.schema, json.loads(row["output"])) or []
            rows.append({"n": int(number), "request": row["instruction"], "argv": to_shell(argv)})
        return rows

    def cost(self, per_input: float, per_output: float) -> float:
        """USD at prices per million, cache reads at a tenth."""
        read = self.tokens["cache_read_input_tokens"] / 10
        return (
            (self.tokens["input_tokens"] + read) * per_input
            + self.tokens["output_tokens"] * per_output
        ) / 1e6

    # -- batches ----------------------------------------------------------------------------------

    def make_batch(self, requests: list[dict[str, Any]]) -> dict[str, Any]:
        name = f"msgbatch_{len(self.batches) + 1}"
        lines = []
        for at, request in enumerate(requests, 1):
            fault = self.batch_faults.pop(at, "")
            result: dict[str, Any] = {"type": fault}
            if fault == "errored":
                error = {"type": "overloaded_error", "message": "Overloaded"}
                result["error"] = {"type": "error", "error": error}
            elif fault != "expired":
                message = self.message(request["params"], fault)
                result = {"type": "succeeded", "message": message}
            line = {"custom_id": request["custom_id"], "result": result}
            lines.append(json.dumps(line, ensure_ascii=False))
        self.batches[name] = {"lines": lines[::-1], "asked": 0}
        return self.batch(name)

    def batch(self, name: str) -> dict[str, Any]:
        batch = self.batches[name]
        batch["asked"] += 1
        ended = batch["asked"] > 2  # the creation, and one look in vain
        counts = dict.fromkeys(("processing", "succeeded", "errored", "canceled", "expired"), 0)
        counts["succeeded" if ended else "processing"] = len(batch["lines"])
        return {
            "id": name, "type": "message_batch", "request_counts": counts,
            "processing_status": "ended" if ended else "in_progress",
            "created_at": "2100-01-01T00:00:00Z", "expires_at": "2100-01-02T00:00:00Z",
            "results_url": f"{self.url}/v1/messages/batches/{name}/results" if ended else None,
        }  # fmt: skip


def _handler(stand_in: StandIn) -> type[BaseHTTPRequestHandler]:
    class Handler(BaseHTTPRequestHandler):
        def log_message(self, *_: Any) -> None:
            pass

        def do_GET(self) -> None:
            with stand_in.lock:
                stand_in.on("before")
                self.get()
                stand_in.on("after")

        def get(self) -> None:
            if self.path.endswith("/results"):
                name = self.path.split("/")[-2]
                text = "\n".join(stand_in.batches[name]["lines"]) + "\n"
                if stand_in.cut_results:
                    stand_in.cut_results -= 1
                    text = text[: len(text) // 2]
                return self.reply(200, text, kind="application/x-jsonl")
            if "?" in self.path or self.path.endswith("batches"):
                data = [stand_in.batch(name) for name in stand_in.batches]
                page = {
                    "data": data[::-1],
                    "has_more": False,
                    "first_id": None,
                    "last_id": None,
                }
                return self.reply(200, page)
            return self.reply(200, stand_in.batch(self.path.split("/")[-1]))

        def do_POST(self) -> None:
            body = json.loads(self.rfile.read(int(self.headers["content-length"])))
            sent = self.headers.get("authorization", "").removeprefix("Bearer ")
            if sent != KEY:
                return self.error(401, "authentication_error", f"invalid api key {sent}")
            if self.path.endswith("count_tokens"):
                size = len(body["messages"][0]["content"]) + len(str(body.get("system", "")))
                return self.reply(200, {"input_tokens": size // 3})
            with stand_in.lock:
                stand_in.on("before")
                self.post(body)
                stand_in.on("after")

        def post(self, body: dict[str, Any]) -> None:
            if self.path.endswith("/batches"):
                made = stand_in.make_batch(body["requests"])
                stand_in.bodies += [request["params"] for request in body["requests"]]
                stand_in.on("made")
                if stand_in.lost_batches:
                    stand_in.lost_batches -= 1
                    return self.error(500, "api_error", "something broke")
                return self.reply(200, made)
            stand_in.calls += 1
            stand_in.bodies.append(body)
            fault = stand_in.faults.get(stand_in.calls, stand_in.faults.get(0, ""))
            if fault.isdigit():
                return self.error(int(fault), "overloaded_error", "try later")
            if fault == "reset":
                self.connection.close()
                return None
            if fault == "html":
                return self.reply(200, "<html>Welcome to the hotel</html>", kind="text/html")
            return self.reply(200, stand_in.message(body, fault))

        def error(self, status: int, kind: str, message: str) -> None:
            self.reply(status, {"type": "error", "error": {"type": kind, "message": message}})

        def reply(self, status: int, value: Any, kind: str = "application/json") -> None:
            data = (value if isinstance(value, str) else json.dumps(value)).encode()
            try:
                self.send_response(status)
                self.send_header("content-type", kind)
                self.send_header("content-length", str(len(data)))
                if status != 200:
                    self.send_header("retry-after-ms", "20")
                    self.send_header("retry-after", "0.02")
                self.end_headers()
                self.wfile.write(data)
            except OSError:
                pass  # the other side is dead, as some tests want it

    return Handler


@contextmanager
def serving(stand_in: StandIn) -> Iterator[StandIn]:
    server = ThreadingHTTPServer(("127.0.0.1", 0), _handler(stand_in))
    stand_in.url = f"http://127.0.0.1:{server.server_port}"
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.05})
    thread.start()
    try:
        yield stand_in
    finally:
        server.shutdown()
        server.server_close()
        thread.join()


def lines(folder: Path) -> list[dict[str, Any]]:
    """What the ledger holds."""
    text = (folder / "responses.jsonl").read_text()
    return [json.loads(line) for line in text.split("\n") if line]
