"""The Claude backend against a stand-in: faults of the server, money, resuming, increments."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from clitron_dagster.errors import ClitronError
from clitron_dagster.generate.api.backend import ApiError, BudgetError
from clitron_dagster.generate.api.ledger import Ledger
from clitron_dagster_tests.generate.api.conftest import Generate
from clitron_dagster_tests.generate.api.stand_in import KEY, StandIn
from clitron_dagster_tests.generate.api.test_coverage import edited
from clitron_dagster_tests.generate.helpers import notes
from clitron_dagster_tests.paths import NOTES, ROOT

HAIKU = (0.10, 0.50)  # USD per million tokens


def lines(folder: Path) -> list[dict]:
    return [json.loads(line) for line in (folder / "responses.jsonl").read_text().splitlines()]


def test_rows_come_in_the_agreed_form_and_the_bill_is_the_servers(
    server: StandIn, generate: Generate, tmp_path: Path
) -> None:
    metrics, rows = generate()
    assert {row["source"] for row in rows} == {"anthropic"}
    assert len(rows) >= 72
    assert {row["unit"] for row in rows} >= {unit.key for unit in notes().units}
    assert {row["kind"].partition(":")[0] for row in rows} == {"command", "clarification"}
    assert metrics["requests"] == metrics["requests_new"] == server.calls
    assert metrics["cost_usd"] == pytest.approx(server.cost(*HAIKU), abs=1e-6)
    assert metrics["output_tokens"] == server.tokens["output_tokens"]
    assert metrics["campaigns"][0]["prices_of"]
    asked = server.bodies[0]
    assert asked["output_config"]["format"]["type"] == "json_schema"
    assert asked["system"][0]["cache_control"]["type"] == "ephemeral"
    assert {body["system"][0]["text"] for body in server.bodies} == {asked["system"][0]["text"]}
    assert not {"temperature", "top_p", "top_k"} & set(asked)
    usage = json.loads((tmp_path / "a" / "out" / "usage.json").read_text())
    assert usage["cost_usd"] == metrics["cost_usd"]


def test_a_bad_day_of_the_server(server: StandIn, generate: Generate, tmp_path: Path) -> None:
    server.faults = {
        2: "429", 3: "529", 4: "reset", 5: "500", 7: "refusal", 9: "cut", 10: "prose", 11: "wrong",
    }  # fmt: skip
    metrics, rows = generate(concurrency=1)
    assert len(rows) >= 65
    problems = metrics["campaigns"][0]["problems"]
    assert problems["refusal"] == 1
    assert problems["max_tokens"] == 1
    assert set(server.paid.values()) == {1}
    assert metrics["cost_usd"] == pytest.approx(server.cost(*HAIKU), abs=1e-6)
    reasons = set(metrics["rejected"])
    assert "the answer is not of the agreed form" in reasons
    assert "not a command line of the schema" in reasons
    assert "the model stopped: refusal" in reasons
    raw = (tmp_path / "a" / "out" / "rejects.jsonl").read_text()
    assert "vanish" in raw  # what was rejected can be looked at


def test_a_second_run_asks_for_nothing(server: StandIn, generate: Generate) -> None:
    _, first = generate()
    calls = server.calls
    metrics, second = generate(fingerprint="b")
    assert server.calls == calls
    assert second == first
    assert metrics["requests_new"] == 0
    assert metrics["cost_usd_this_run"] == 0 < metrics["cost_usd"]


def test_an_edited_unit_is_asked_for_alone(server: StandIn, generate: Generate) -> None:
    _, before = generate()
    seen = len(server.bodies)
    _, after = generate(edited(notes(), "Show one note", "Print one note"), fingerprint="b")
    asked = [body["messages"][0]["content"] for body in server.bodies[seen:]]
    assert asked
    assert all('{"command":"show"' in text for text in asked)
    others = [row for row in before if row["unit"] != "show"]
    assert [row for row in after if row["unit"] != "show"] == others


def test_half_of_the_rows_from_each_source(server: StandIn, generate: Generate) -> None:
    _, rows = generate(source={"offline": 0.5, "anthropic": 0.5}, num_examples=160)
    counts = {s: sum(row["source"] == s for row in rows) for s in ("offline", "anthropic")}
    assert counts["offline"] == pytest.approx(80, abs=8)
    assert counts["anthropic"] == pytest.approx(80, abs=12)


def test_batches_of_any_order_with_errored_and_expired_ones(
    server: StandIn, generate: Generate
) -> None:
    server.batch_faults = {1: "errored", 3: "expired", 5: "refusal"}
    metrics, rows = generate(mode="batch")
    assert len(rows) >= 70
    assert server.calls == 0
    assert len(server.batches) >= 2  # what erred and expired was asked for again
    assert set(server.paid.values()) == {1}
    assert metrics["cost_usd"] == pytest.approx(server.cost(*HAIKU) / 2, abs=1e-6)
    assert server.bodies[0]["system"][0]["cache_control"]["ttl"] == "1h"


def test_the_limit_of_money_stops_and_what_was_paid_for_serves(
    server: StandIn, generate: Generate
) -> None:
    with pytest.raises(BudgetError, match=r"raise raw_examples\.max_cost_usd"):
        generate(max_cost_usd=0.002, concurrency=1)
    assert 0 < server.cost(*HAIKU) <= 0.002
    calls = server.calls
    assert calls > 1
    metrics, rows = generate(max_cost_usd=1)
    assert len(rows) >= 72
    assert set(server.paid.values()) == {1}
    assert metrics["requests_new"] == server.calls - calls


def test_a_model_without_a_price_is_refused_where_a_limit_is_set(
    server: StandIn, generate: Generate
) -> None:
    with pytest.raises(ClitronError, match="there is no price for `claude-next`"):
        generate(anthropic_model="claude-next")
    assert server.calls == 0


def test_keys(
    server: StandIn, generate: Generate, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    generate(num_examples=20)
    written = b"".join(file.read_bytes() for file in tmp_path.rglob("*") if file.is_file())
    assert KEY.encode() not in written
    monkeypatch.setenv("ANTHROPIC_API_KEY", "sk-ant-wrong-77777777")
    with pytest.raises(ApiError, match="refuses the key") as error:
        generate()
    assert "77777777" not in str(error.value)
    monkeypatch.delenv("ANTHROPIC_API_KEY")
    with pytest.raises(ApiError, match="set ANTHROPIC_API_KEY"):
        generate()


def test_a_server_that_is_none(server: StandIn, generate: Generate, tmp_path: Path) -> None:
    server.faults = {0: "html"}
    with pytest.raises(ApiError, match="not as this API does"):
        generate()
    assert all(line["key"].startswith("unread:") for line in lines(tmp_path / "kept"))
    server.faults = {}
    _, rows = generate()  # what was no answer does not count as one
    assert len(rows) >= 72


# -- kill -9 --------------------------------------------------------------------------------------

SCRIPT = """
import sys
from pathlib import Path
from clitron_dagster.generate import RawExamplesConfig, run
from clitron_dagster.schema import load_schema
from clitron_dagster.stage import Job
folder, mode = Path(sys.argv[2]), sys.argv[3]
config = RawExamplesConfig(source="anthropic", num_examples=80, min_per_unit=4, mode=mode,
                           concurrency=1, batch_poll_seconds=0.01)
(folder / "out").mkdir(exist_ok=True)
run(Job(load_schema(Path(sys.argv[1])), Path(sys.argv[1]), config, {}, folder / "out",
        folder / ".work-a", kept=folder / "kept"))
"""


def start(folder: Path, mode: str) -> subprocess.Popen[str]:
    command = [sys.executable, "-c", SCRIPT, str(NOTES), str(folder), mode]
    return subprocess.Popen(command, cwd=ROOT, stdout=subprocess.PIPE, text=True)


def test_kill_9_between_messages(server: StandIn, tmp_path: Path) -> None:
    with start(tmp_path, "message") as process:
        assert process.stdout is not None
        for line in process.stdout:
            if " 3/" in line:
                os.kill(process.pid, signal.SIGKILL)
                break
    kept = lines(tmp_path / "kept")
    assert len(kept) >= 3
    with (tmp_path / "kept" / "responses.jsonl").open("a") as file:
        file.write('{"key": "cut sho')  # as a crash of the disk would leave it
    with start(tmp_path, "message") as process:
        process.communicate()
    assert process.returncode == 0
    answers = Ledger(tmp_path / "kept", "x").records
    assert {line["key"] for line in kept} <= set(answers)
    paid_twice = [text for text, times in server.paid.items() if times > 1]
    assert len(paid_twice) <= 1  # at most the one that was under way
    assert (tmp_path / "out" / "examples.jsonl").read_text().count("\n") >= 72


def test_kill_9_before_a_batch_has_told_its_id(server: StandIn, tmp_path: Path) -> None:
    process = start(tmp_path, "batch")
    server.on_batch = lambda: os.kill(process.pid, signal.SIGKILL)
    process.communicate()
    assert process.returncode == -signal.SIGKILL
    assert not (tmp_path / "kept" / "responses.jsonl").exists()
    server.on_batch = lambda: None
    with start(tmp_path, "batch") as process:
        said, _ = process.communicate()
    assert process.returncode == 0
    assert "going on with batch msgbatch_1" in said
    assert set(server.paid.values()) == {1}
