"""Nothing is paid for twice: resuming, increments, force, kill -9, and the bill at the end."""

from __future__ import annotations

import json
import os
import shutil
import signal
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from random import Random

import pytest

from clitron_dagster.generate.api.backend import ApiError, BudgetError
from clitron_dagster.generate.api.ledger import Ledger
from clitron_dagster.pipeline import materialize
from clitron_dagster.schema import load_schema
from clitron_dagster.settings import Settings
from clitron_dagster_tests.generate.api.conftest import Generate
from clitron_dagster_tests.generate.api.stand_in import HAIKU, KEY, StandIn, lines, serving
from clitron_dagster_tests.generate.api.test_coverage import edited
from clitron_dagster_tests.generate.helpers import notes
from clitron_dagster_tests.paths import NOTES, ROOT, SCHEMAS


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


def test_the_limit_of_money_is_one_for_all_models_of_a_run(
    server: StandIn, generate: Generate, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    prices = {"dear": 2, "cheap": 1}
    models = {name: {"backend": "anthropic", "input": 0, "output": p} for name, p in prices.items()}
    table = tmp_path / "prices.yaml"
    table.write_text(json.dumps({"date": "2026-11-21", "models": models}))
    monkeypatch.setenv("CLITRON_PRICES", str(table))
    given = {
        "source": {"anthropic:dear": 1, "anthropic:cheap": 1}, "num_examples": 200,
        "max_tokens_per_row": 20, "concurrency": 1,
    }  # fmt: skip
    metrics, _ = generate(**given)
    dear, cheap = (campaign["cost_usd_this_run"] for campaign in metrics["campaigns"])
    assert metrics["cost_usd_this_run"] == metrics["cost_usd"] == pytest.approx(dear + cheap)
    shutil.rmtree(tmp_path / "kept")
    limit = dear + 0.55 * cheap
    with pytest.raises(BudgetError, match="are spent in this run"):
        generate(**given, max_cost_usd=limit)
    spent = dict.fromkeys(prices, 0.0)
    for line in lines(tmp_path / "kept"):
        tokens = json.loads(line["body"])["usage"]["output_tokens"]
        spent[line["model"]] += tokens * prices[line["model"]] / 1e6
    assert all(spent.values())
    assert sum(spent.values()) <= limit


@pytest.fixture
def make(tmp_path: Path) -> Callable[..., bool]:
    """``make(force=True, concurrency=2)``: whether the artifact in the store could be reused."""
    (tmp_path / "schemas").mkdir()
    shutil.copy(NOTES, tmp_path / "schemas")
    given = {"source": "anthropic", "num_examples": 40, "min_per_unit": 4, "mode": "message"}

    def call(force: bool = False, **more: object) -> bool:
        settings = Settings(
            schemas_dir=tmp_path / "schemas", store_url=str(tmp_path / "store"), profile="tiny",
            overrides={"raw_examples": {**given, **more}},
        )  # fmt: skip
        return materialize(settings, "notes", "raw_examples", force=force).reused

    return call


def test_in_the_store_answers_outlive_artifacts_and_force_asks_anew(
    server: StandIn, make: Callable[..., bool], tmp_path: Path
) -> None:
    assert not make()
    calls = server.calls
    assert make(max_cost_usd=3, concurrency=2)  # no other rows, so no other fingerprint
    assert not make(literal_rate=0.1)  # another fingerprint, the same requests
    assert server.calls == calls
    assert not make(force=True)
    assert server.calls == 2 * calls
    folder = tmp_path / "store" / "notes" / "raw_examples"
    assert len(lines(folder / ".kept")) == calls
    assert len(list(folder.glob(".kept-*"))) == 1


def test_a_forced_run_that_stopped_goes_on_when_it_is_forced_again(
    server: StandIn, make: Callable[..., bool], tmp_path: Path
) -> None:
    make()
    folder = tmp_path / "store" / "notes" / "raw_examples"
    server.faults = {server.calls + 4: "400"}
    with pytest.raises(ApiError):
        make(force=True, concurrency=1)
    assert len(lines(folder / ".kept")) == 3
    assert not make(force=True, source="offline")
    assert not make(force=True)
    assert max(server.paid.values()) == 2
    assert len(list(folder.glob(".kept-*"))) == 1
    assert not make(force=True)  # the try before is over
    assert max(server.paid.values()) == 3
    assert len(list(folder.glob(".kept-*"))) == 2


def test_a_forced_offline_run_leaves_paid_answers_in_place(
    server: StandIn, make: Callable[..., bool]
) -> None:
    make()
    calls = server.calls
    assert not make(force=True, source="offline")
    assert not make(literal_rate=0.1)
    assert server.calls == calls


# -- kill -9 --------------------------------------------------------------------------------------

SCRIPT = """
import sys
from collections.abc import Callable
from pathlib import Path
from clitron_dagster.generate import RawExamplesConfig, run
from clitron_dagster.schema import load_schema
from clitron_dagster.stage import Job
from clitron_dagster.generate.api import claude_batches
folder, mode = Path(sys.argv[2]), sys.argv[3]
claude_batches.MAX_REQUESTS = int(sys.argv[4])
config = RawExamplesConfig(source="anthropic", num_examples=80, min_per_unit=4, mode=mode,
                           concurrency=1, batch_poll_seconds=0.01)
(folder / "out").mkdir(exist_ok=True)
run(Job(load_schema(Path(sys.argv[1])), Path(sys.argv[1]), config, {}, folder / "out",
        folder / ".work-a", kept=folder / "kept"))
"""


def start(folder: Path, mode: str, batch_size: int = 1000) -> subprocess.Popen[str]:
    command = [sys.executable, "-c", SCRIPT, str(NOTES), str(folder), mode, str(batch_size)]
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
    server.on = lambda event: os.kill(process.pid, signal.SIGKILL) if event == "made" else None
    process.communicate()
    assert process.returncode == -signal.SIGKILL
    assert not (tmp_path / "kept" / "responses.jsonl").exists()
    server.on = lambda _: None
    with start(tmp_path, "batch") as process:
        said, _ = process.communicate()
    assert process.returncode == 0
    assert "going on with batch msgbatch_1" in said
    assert set(server.paid.values()) == {1}


def killer(process: subprocess.Popen[str], after: int) -> Callable[[str], None]:
    """Kills the process at the ``after``-th event of the server; 0: never."""
    left = [after]

    def kill(_: str) -> None:
        left[0] -= 1
        if left[0] == 0:
            os.kill(process.pid, signal.SIGKILL)

    return kill


@pytest.mark.slow
def test_kill_9_ten_times_at_random_pays_for_nothing_twice(server: StandIn, tmp_path: Path) -> None:
    rng, kills = Random(5), 0
    server.batch_faults = {2: "errored", 3: "expired"}
    for _ in range(30):
        if kills < 10:
            server.cut_results += rng.random() < 0.3
            server.lost_batches += rng.random() < 0.3
        process = start(tmp_path, "batch", batch_size=3)
        server.on = killer(process, after=rng.randrange(1, 9) if kills < 10 else 0)
        process.communicate()
        kills += process.returncode == -signal.SIGKILL
        if process.returncode == 0:
            break
    assert process.returncode == 0
    assert kills >= 5
    assert set(server.paid.values()) == {1}
    assert len(server.batches) > 5
    usage = json.loads((tmp_path / "out" / "usage.json").read_text())
    assert usage["cost_usd"] == pytest.approx(server.cost(*HAIKU) / 2, abs=1e-6)
    assert usage["rows"] >= 72


@pytest.mark.slow
def test_3000_examples_of_gh_for_less_than_a_dollar(
    generate: Generate, monkeypatch: pytest.MonkeyPatch
) -> None:
    schema = load_schema(SCHEMAS / "gh.yaml")
    with serving(StandIn(schema)) as server:
        monkeypatch.setenv("ANTHROPIC_API_KEY", KEY)
        monkeypatch.setenv("ANTHROPIC_BASE_URL", server.url)
        kinds = ("errored", "expired", "refusal", "cut", "prose")
        server.batch_faults = {at: kinds[at % 5] for at in range(3, 300, 17)}
        metrics, rows = generate(schema, mode="batch", num_examples=3000, min_per_unit=12)
        assert len(rows) >= 2850
        assert set(server.paid.values()) == {1}
        assert metrics["cost_usd"] == pytest.approx(server.cost(*HAIKU) / 2, abs=1e-6)
        assert metrics["cost_usd"] < 1
        print(len(rows), metrics["requests"], metrics["cost_usd"], dict(server.tokens))
        asked = len(server.bodies)
        changed = edited(schema, "Show one pull request: title", "Print one pull request: title")
        generate(changed, mode="batch", num_examples=3000, min_per_unit=12, fingerprint="b")
        print(asked, len(server.bodies) - asked)
        assert 0 < len(server.bodies) - asked <= asked / 100
