"""The HTTP side over real sockets: /v1/interpret, refusals, load, and what is logged."""

from __future__ import annotations

import json
import logging
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor

import httpx
import pytest

from clitron_dagster.serve import wire
from clitron_dagster_tests.serve.scripted import SECRET, Script, error_of, eventually, serving


@pytest.fixture(scope="module")
def client() -> Iterator[httpx.Client]:
    with serving() as client:
        yield client


def test_interpret_a_command(client: httpx.Client) -> None:
    body = {"request": "remove 7", "context": {"notes": {"current_note": 7}}}
    found = client.post("/v1/interpret", json=body).json()
    assert found.pop("latency_ms") > 0
    assert found == {
        "response": {
            "type": "command", "command": "remove", "subcommand": None,
            "args": {"id": 7}, "flags": ["force"], "confidence": 0.8,
        },
        "argv": ["notes", "remove", "--force", "7"],
        "command": "notes remove --force 7",
        "confidence": 0.8,
        "effect": "destructive",
        "band": "confirm",
        "explanation": [
            ["remove", "Delete a note for good"], ["id 7", "id"], ["--force", "Do not ask"],
        ],
    }  # fmt: skip


def test_interpret_a_question(client: httpx.Client) -> None:
    found = client.post("/v1/interpret", json={"request": "huh", "context": None}).json()
    assert found["response"]["message"] == "Which one?"
    assert (found["argv"], found["command"], found["effect"]) == (None, None, None)
    assert (found["band"], found["explanation"]) == ("ask", [])


def test_health_and_paths(client: httpx.Client) -> None:
    health = client.get("/health")
    assert health.status_code == 200
    assert health.json()["status"] == "ok"
    assert health.json()["cli"] == "notes"
    missing = client.get("/v2")
    assert missing.status_code == 404
    assert "POST /v1/interpret" in error_of(missing)
    wrong = client.get("/v1/interpret")
    assert (wrong.status_code, wrong.headers["allow"]) == (405, "POST")
    assert "does not take GET" in error_of(wrong)


MALFORMED = [
    (b"", "the body is empty"),
    (b"{", "is not JSON (line 1, column 2"),
    (b'{"request": "a"', "is not JSON"),
    (b'{"request": "\xff"}', "not UTF-8 (byte 13)"),
    (b'{"request": "\\ud800"}', "half a surrogate pair"),
    (b'{"request": "remove 7", "context": {"a": NaN}}', "nan is no number"),
    (b'{"request": ' + b"9" * 5000 + b"}", "the body is not JSON (exceeds the limit"),
    (b"[" * 100_000, "nested too deeply"),
    (b"[1]", "is a JSON list, not an object"),
    (b"null", "is a JSON null, not an object"),
    (b"{}", "`request` is missing"),
    (b'{"request": 3}', "`request` is a number"),
    (b'{"request": " "}', "the request is empty"),
    (b'{"request": "' + b"x" * 2001 + b'"}', "at most 2000 fit"),
    (b'{"request": "long one"}', "at most 768 fit"),
    (b'{"request": "remove 7", "context": [1]}', "not an object such as"),
    (b'{"request": "remove 7", "context": {"notes": 3}}', "`notes` is not an object"),
    (b'{"request": "remove 7", "contxt": {}}', "no field `contxt`"),
]


@pytest.mark.parametrize(("body", "words"), MALFORMED)
def test_malformed_bodies_are_refused_in_words(
    client: httpx.Client, body: bytes, words: str
) -> None:
    response = client.post("/v1/interpret", content=body)
    assert response.status_code == 400
    assert words in error_of(response)


def test_a_body_that_is_too_large(client: httpx.Client) -> None:
    size = wire.MAX_BODY_BYTES + 1
    declared = client.post("/v1/interpret", content=b" " * size)
    assert (declared.status_code, "larger than 1 MiB" in error_of(declared)) == (413, True)
    chunked = client.post("/v1/interpret", content=(b" " * (size // 8) for _ in range(9)))
    assert chunked.status_code == 413


def test_a_body_that_does_not_come(client: httpx.Client, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(wire, "BODY_TIMEOUT_S", 0.05)
    with client.stream("POST", "/v1/interpret", content=_slow()) as response:
        assert response.status_code == 408


def _slow() -> Iterator[bytes]:
    yield b"{"
    time.sleep(0.3)
    yield b"}"


def test_a_host_name_that_is_not_ours(client: httpx.Client) -> None:
    evil = client.get("/v1/models", headers={"host": "evil.example:8080"})
    assert evil.status_code == 400
    for host in ("localhost", "LOCALHOST:1", "[::1]:8080"):
        assert client.get("/v1/models", headers={"host": host}).status_code == 200


def test_a_model_without_an_answer(client: httpx.Client) -> None:
    response = client.post("/v1/interpret", json={"request": "illegal"})
    assert response.status_code == 422
    assert error_of(response) == "no answer: the model's answer is no JSON"


def test_a_crash_is_told_and_logged_without_the_request(caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.INFO)
    with serving() as client:
        response = client.post("/v1/interpret", json={"request": f"crash {SECRET}"})
        assert response.status_code == 500
        assert "RuntimeError" in error_of(response)
        client.post("/v1/interpret", content=f'{{"request": {SECRET}'.encode())
        assert client.post("/v1/interpret", json={"request": "remove 1"}).status_code == 200
    assert "interpret failed: RuntimeError" in caplog.text
    assert SECRET not in caplog.text + response.text


def test_fifty_at_once_with_malformed_bodies_among_them() -> None:
    script = Script(pause_s=0.02)
    good = [json.dumps({"request": f"remove {number}"}).encode() for number in range(40)]
    bad = [body for body, _ in MALFORMED if b"long" not in body][:8]
    bodies = [*good[:20], *bad, b'{"request": "crash now"}', b'{"request": "long"}', *good[20:]]
    assert len(bodies) == 50
    with serving(script, parallel=4) as client, ThreadPoolExecutor(50) as pool:
        done = list(pool.map(lambda body: client.post("/v1/interpret", content=body), bodies))
    ids = [r.json()["response"]["args"]["id"] for r in done if r.status_code == 200]
    assert ids == list(range(40))  # each got its own answer, also beside the one that crashed
    assert [r.status_code for r in done[20:30]] == [400] * 8 + [500, 400]
    assert len(script.threads) == 1
    assert 1 < max(map(len, script.batches)) <= 4


def test_a_full_queue_is_said_at_once() -> None:
    script = Script()
    script.gate.clear()
    ask = {"request": "remove 1"}
    with serving(script, parallel=1, room=2) as client, ThreadPoolExecutor(3) as pool:
        first = pool.submit(client.post, "/v1/interpret", json=ask)
        assert script.entered.wait(10)
        waiting = [pool.submit(client.post, "/v1/interpret", json=ask) for _ in range(2)]
        eventually(lambda: client.get("/health").json()["waiting"] == 2)
        full = client.post("/v1/interpret", json=ask)
        assert full.status_code == 503
        assert int(full.headers["retry-after"]) >= 1
        assert "2 requests are waiting" in error_of(full)
        malformed = client.post("/v1/interpret", content=b"{")
        assert malformed.status_code == 400
        script.gate.set()
        assert [job.result().status_code for job in (first, *waiting)] == [200] * 3
