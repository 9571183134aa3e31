"""clitron serve as a process with a real model, and the addresses that it refuses."""

from __future__ import annotations

import os
import signal
import socket
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor

import httpx
import pytest
import uvicorn

from clitron_dagster.answer import problems
from clitron_dagster.cli.serve import listen
from clitron_dagster_tests.cli.conftest import Run
from clitron_dagster_tests.paths import FIXTURES, ROOT
from clitron_dagster_tests.serve.scripted import eventually
from clitron_dagster_tests.tiny import notes, tiny_gguf


@pytest.mark.parametrize("end", [signal.SIGTERM, signal.SIGINT])
def test_a_server_with_a_real_model(end: signal.Signals) -> None:
    command = [sys.executable, "-m", "clitron_dagster.cli", "serve", "notes", "--port", "0"]
    process = subprocess.Popen(
        [*command, "--model", str(tiny_gguf("q8_0")), "--parallel", "2"],
        stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, cwd=ROOT,
        env={**os.environ, "CLITRON_SCHEMAS": str(FIXTURES), "PYTHONUNBUFFERED": "1"},
    )  # fmt: skip
    try:
        assert process.stdout is not None
        line = process.stdout.readline()
        assert line.startswith("clitron-notes-q8_0 answers on http://127.0.0.1:")
        bodies = [b'{"request": "remember buy milk"}', b"{", b'{"request": "all my notes"}', b"[]"]
        with (
            httpx.Client(base_url=line.split()[3].rstrip(";"), timeout=60, trust_env=False) as http,
            ThreadPoolExecutor(8) as pool,
        ):
            done = list(pool.map(lambda body: http.post("/v1/interpret", content=body), bodies * 2))
            late = pool.submit(http.post, "/v1/interpret", content=bodies[0])
            eventually(lambda: late.done() or http.get("/health").json()["answering"])
            process.send_signal(end)
            assert late.result().status_code == done[0].status_code
        stdout, stderr = process.communicate(timeout=60)
    finally:
        process.kill()
    assert [r.status_code for r in done[1::2]] == [400] * 4
    for response in done[::2]:
        # the model is not trained: its answer is legal, or has no end
        if response.status_code == 200:
            assert problems(notes(), response.json()["response"]) == []
        else:
            assert "did not come to an end" in response.json()["error"]["message"]
    assert [r.json().get("response") for r in done[:4]] == [
        r.json().get("response") for r in done[4:]
    ]
    assert (process.returncode, stdout) == (0, "stopped\n")
    assert stderr.count("\n") == 1
    assert "carries no calibration" in stderr


@pytest.mark.parametrize(
    ("host", "words"),
    [
        ("0.0.0.0", "reached from other machines"),
        ("::", "reached from other machines"),
        ("", "reached from other machines"),
        ("192.0.2.1", "reached from other machines"),
        ("x" * 64, "is no address"),
    ],
)
def test_addresses_that_are_refused(run: Run, host: str, words: str) -> None:
    done = run("serve", "git", "--host", host, "--model", "x.gguf")
    assert done.exit_code == 1
    assert words in done.stderr
    assert done.stderr.count("\n") == 1


def test_a_port_that_is_taken(run: Run) -> None:
    with listen("localhost", 0, allow_remote=False) as taken:
        port = str(taken.getsockname()[1])
        done = run("serve", "git", "--host", "127.0.0.1", "--port", port, "--model", "x.gguf")
    assert done.exit_code == 1
    assert f"port {port}: address already in use; give another --port" in done.stderr


def test_remote_is_allowed_when_asked_for() -> None:
    with listen("0.0.0.0", 0, allow_remote=True) as listener:
        assert listener.family == socket.AF_INET
        assert listener.getsockname()[0] == "0.0.0.0"


def test_remote_comes_with_a_warning(run: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("CLITRON_SCHEMAS", str(FIXTURES))
    monkeypatch.setattr(signal, "signal", lambda *_: None)
    hosts = []

    def no_server(server: uvicorn.Server, sockets: list[socket.socket]) -> None:
        hosts.append(sockets[0].getsockname()[0])

    monkeypatch.setattr(uvicorn.Server, "run", no_server)
    command = ["serve", "notes", "--port", "0", "--model", str(tiny_gguf("q8_0"))]
    assert "no login" not in run(*command).stderr
    done = run(*command, "--host", "0.0.0.0", "--allow-remote")
    assert done.exit_code == 0
    assert "whoever reaches this port can ask the model" in done.stderr
    assert hosts == ["127.0.0.1", "0.0.0.0"]


def test_without_a_model(run: Run) -> None:
    done = run("serve", "git", "--port", "0", "--model", "nope.gguf")
    assert done.exit_code == 1
    assert "there is no model file nope.gguf" in done.stderr
