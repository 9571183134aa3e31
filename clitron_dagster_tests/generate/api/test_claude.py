"""The Claude backend against a stand-in: faults of the server, money, resuming, increments."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from clitron_dagster.errors import ClitronError
from clitron_dagster.generate.api.backend import ApiError
from clitron_dagster.generate.api.ledger import Ledger
from clitron_dagster_tests.generate.api.conftest import Generate
from clitron_dagster_tests.generate.api.stand_in import HAIKU, KEY, StandIn, lines
from clitron_dagster_tests.generate.helpers import notes


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


def test_a_batch_that_was_made_though_the_server_said_500_and_results_that_break_off(
    server: StandIn, generate: Generate
) -> None:
    server.lost_batches, server.cut_results = 1, 2  # one look at whose it is, one reading
    metrics, rows = generate(mode="batch")
    assert len(rows) >= 72
    assert next(iter(server.batches)) == "msgbatch_1"
    assert set(server.paid.values()) == {1}
    assert metrics["cost_usd"] == pytest.approx(server.cost(*HAIKU) / 2, abs=1e-6)


def test_among_batches_of_one_size_the_own_one_is_found_by_its_requests(
    server: StandIn, generate: Generate
) -> None:
    def others(event: str) -> None:
        """Somebody else makes batches of the same size, just before and just after ours."""
        if event == "made" and len(server.batches) == 1:
            count = len(server.batches["msgbatch_1"]["lines"])
            result = {"type": "expired"}
            theirs = [json.dumps({"custom_id": f"x{at}", "result": result}) for at in range(count)]
            for name in ("msgbatch_0", "msgbatch_2"):
                server.batches[name] = {"lines": theirs, "asked": 0}

    server.on, server.lost_batches = others, 1
    _, rows = generate(mode="batch")
    assert len(rows) >= 72
    assert set(server.paid.values()) == {1}
    assert set(server.batches) == {"msgbatch_0", "msgbatch_1", "msgbatch_2"}


def test_results_with_characters_that_look_like_line_ends(
    server: StandIn, generate: Generate, tmp_path: Path
) -> None:
    server.batch_faults = dict.fromkeys(range(1, 100), "separators")
    _, rows = generate(mode="batch")
    assert len(rows) >= 72
    assert set(server.paid.values()) == {1}
    assert "\u2028" in lines(tmp_path / "kept")[0]["body"]


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


def test_a_dummy_for_a_key_leaves_answers_as_they_are(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("OPENAI_API_KEY", "ollama")
    monkeypatch.setenv("ANTHROPIC_API_KEY", KEY)
    Ledger(tmp_path, "a run").add("a key", body=f"ollama run llama3 {KEY}")
    assert lines(tmp_path)[0]["body"] == "ollama run llama3 ***"


def test_a_server_that_is_none(server: StandIn, generate: Generate, tmp_path: Path) -> None:
    server.faults = {0: "html"}
    with pytest.raises(ApiError, match="not as this API does"):
        generate()
    assert all(line["key"].startswith("unread:") for line in lines(tmp_path / "kept"))
    server.faults = {}
    _, rows = generate()  # what was no answer does not count as one
    assert len(rows) >= 72
