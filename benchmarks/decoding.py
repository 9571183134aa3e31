"""How fast is an answer, beside plain greedy decoding of the same file in the same run?

    python benchmarks/decoding.py git [--rows 40] [--rounds 3] [--model FILE.gguf]

Three ways, in turn, request by request: without a grammar up to the model's own end token; with the
schema's grammar, one token at a time; and as served, where the structure prior votes and what must
follow is filled in. Requests are those of ``schemas/<cli>.calibration.jsonl``. Alone on the machine,
or the ratio means little.
"""

from __future__ import annotations

import argparse
import json
import statistics
from collections.abc import Callable
from pathlib import Path
from typing import Any

from clitron_dagster import prompt
from clitron_dagster.answer import answer_end
from clitron_dagster.cli.model import find_model
from clitron_dagster.evaluate.metrics import percentile
from clitron_dagster.inference.engine import Completion, Engine
from clitron_dagster.inference.grammar import schema_grammar
from clitron_dagster.inference.outline import Outline
from clitron_dagster.inference.predict import prior_of
from clitron_dagster.inference.vote import Vote
from clitron_dagster.settings import Settings
from clitron_dagster.validate.rows import calibration_file

MAX_TOKENS = 128


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("cli")
    parser.add_argument("--rows", type=int, default=40)
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--model", type=Path)
    options = parser.parse_args()
    settings = Settings()
    schema = settings.load(options.cli)
    file = calibration_file(settings.schema_file(options.cli))
    rows = [json.loads(line) for line in file.read_text().splitlines()][: options.rows]
    with Engine(find_model(settings, options.cli, options.model)) as engine:
        prompts = [
            prompt.render(engine, prompt.messages(schema, row["request"], row.get("context")))
            for row in rows
        ]
        engine.keep_prefix(prompts)
        outline, prior = Outline(schema), prior_of(schema, engine)
        grammar = schema_grammar(schema)
        votes = {
            text: Vote(outline, prior.of(row["request"])) if prior else None
            for text, row in zip(prompts, rows, strict=True)
        }
        ways: dict[str, Callable[[str], Completion]] = {
            "plain greedy": lambda text: engine.complete(text, MAX_TOKENS),
            "grammar": lambda text: engine.complete(
                text, MAX_TOKENS, grammar=grammar, until=answer_end
            ),
            "as served": lambda text: engine.complete(
                text,
                MAX_TOKENS,
                grammar=grammar,
                until=answer_end,
                fill=outline.forced,
                advice=votes[text],
            ),
        }
        found: dict[str, list[Completion]] = {name: [] for name in ways}
        for text in prompts[:3]:
            for way in ways.values():
                way(text)  # warm
        for _ in range(options.rounds):
            for text in prompts:
                for name, way in ways.items():
                    found[name].append(way(text))
    print(json.dumps(summary(found), indent=1))


def summary(found: dict[str, list[Completion]]) -> dict[str, Any]:
    plain = [one.latency_ms for one in found["plain greedy"]]
    table: dict[str, Any] = {}
    for name, done in found.items():
        times = [one.latency_ms for one in done]
        ratios = [a / b for a, b in zip(plain, times, strict=True)]
        asked = [sum(logprob != 0 for logprob in one.logprobs) for one in done]
        table[name] = {
            "p50_ms": round(percentile(times, 0.5) or 0, 1),
            "p99_ms": round(percentile(times, 0.99) or 0, 1),
            "tokens": round(statistics.mean(len(one.tokens) for one in done), 1),
            "asked_of_the_model": round(statistics.mean(asked), 1),
            "times_faster": round(statistics.median(ratios), 2),
            "n": len(times),
        }
    return table


if __name__ == "__main__":
    main()
