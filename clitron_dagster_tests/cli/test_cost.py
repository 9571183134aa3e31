"""``clitron cost``: figures before spending, with and without a key."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from clitron_dagster.generate.prices import ModelPrice, Prices, Usage, load_prices
from clitron_dagster_tests.cli.conftest import Run
from clitron_dagster_tests.generate.api.stand_in import KEY, StandIn, serving
from clitron_dagster_tests.generate.helpers import notes


@pytest.fixture(autouse=True)
def no_key(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("ANTHROPIC_API_KEY", "ANTHROPIC_AUTH_TOKEN", "CLITRON_PRICES"):
        monkeypatch.delenv(name, raising=False)


def test_a_price_for_each_model_and_what_is_not_known(run: Run) -> None:
    done = run("cost", "gh", "--num", "3000")
    assert done.exit_code == 0, done.output
    for model in load_prices().models:
        assert model in done.output
    assert f"prices of {load_prices().date}" in done.output
    assert "3.5 characters a token" in done.output
    assert "not known:" in done.output


def test_3000_gh_examples_cost_less_than_a_dollar_on_the_cheapest_model(run: Run) -> None:
    done = run("cost", "gh", "--num", "3000", "--json")
    estimates = json.loads(done.output)["estimates"]
    assert estimates[0]["source"] == "anthropic:claude-haiku-5-5"
    assert estimates[0]["batch"] <= 1.0
    assert estimates[0]["message"] == pytest.approx(2 * estimates[0]["batch"])
    assert estimates[0]["rows"] >= 3000
    assert estimates[1]["batch"] > estimates[0]["batch"]


def test_the_servers_own_count_where_there_is_a_key(
    run: Run, monkeypatch: pytest.MonkeyPatch
) -> None:
    with serving(StandIn(notes())) as server:
        monkeypatch.setenv("ANTHROPIC_API_KEY", KEY)
        monkeypatch.setenv("ANTHROPIC_BASE_URL", server.url)
        done = run("cost", "git", "--model", "claude-haiku-5-5")
        assert "as 127.0.0.1 counts a sample" in done.output
        assert server.calls == 0
        monkeypatch.setenv("ANTHROPIC_API_KEY", "sk-ant-wrong-12345")
        done = run("cost", "git", "--model", "claude-haiku-5-5")
        assert "127.0.0.1 did not count" in done.output
        assert "12345" not in done.output


def test_unknown_prices_and_tables(
    run: Run, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    done = run("cost", "git", "--model", "claude-next")
    assert done.exit_code == 0
    assert "–" in done.output
    done = run("cost", "git", "--backend", "openai")
    assert done.exit_code == 1
    assert "has no model of openai" in done.stderr
    table = tmp_path / "prices.yaml"
    table.write_text("date: 2026-12-01\nmodels: {m: {backend: openai, input: 1, output: two}}")
    monkeypatch.setenv("CLITRON_PRICES", str(table))
    done = run("cost", "git", "--backend", "openai")
    assert done.exit_code == 1
    assert "compare prices.yaml" in done.stderr


def test_help_teaches(run: Run) -> None:
    done = run("cost", "--help")
    assert "clitron cost gh --num 3000" in done.output
    assert "spends nothing" in done.output


def test_a_bill() -> None:
    table = Prices(date="2026-01-01", batch=0.5, cache_read=0.1, cache_write_1h=2.0, models={})
    price = ModelPrice(backend="anthropic", input=1.0, output=10.0)
    usage = Usage(
        input_tokens=1_000_000, cache_read_tokens=2_000_000, cache_write_1h_tokens=100_000,
        output_tokens=50_000,
    )  # fmt: skip
    assert table.cost(price, usage, batch=False) == pytest.approx(1 + 0.2 + 0.2 + 0.5)
    assert table.cost(price, usage, batch=True) == pytest.approx(0.95)


def test_only_servers_nearby_are_free() -> None:
    prices = load_prices()
    for near in ("http://127.0.0.1:1/v1", "http://localhost/v1", "http://ollama:11434/v1"):
        found = prices.find("openai", "any", near)
        assert found is not None
        assert found.output == 0
    assert prices.find("openai", "any", "https://api.example.com/v1") is None
    assert prices.find("anthropic", "any") is None
