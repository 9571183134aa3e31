"""What the models wrote, kept as it comes: one file per row set and column in the work folder.

A killed evaluation goes on after the last whole line.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from clitron_dagster import prompt
from clitron_dagster.answer import canonical
from clitron_dagster.evaluate.rows import EvalRow
from clitron_dagster.schema import Schema

if TYPE_CHECKING:
    from clitron_dagster.inference.engine import Engine

CHUNK_ROWS = 32  # rows of a GGUF column between two writes
WARM_UP_ROWS = 3


@dataclass(frozen=True)
class Prediction:
    """One generated text. ``latency_ms`` and ``tokens`` only where it was generated alone."""

    id: str
    text: str
    latency_ms: float | None = None
    tokens: int | None = None


class Predictions:
    """The predictions of one column over one row set, appended to a JSON-lines file."""

    def __init__(self, file: Path) -> None:
        self.file = file
        self._found: dict[str, Prediction] = {}
        if file.exists():
            data = file.read_bytes().decode("utf-8", errors="replace")
            for line in data.split("\n"):  # not splitlines, which splits at U+2028, too
                try:
                    found = Prediction(**json.loads(line))
                except (ValueError, TypeError):
                    continue  # the line that a kill cut short
                self._found[found.id] = found

    def __len__(self) -> int:
        return len(self._found)

    def __getitem__(self, row_id: str) -> Prediction:
        return self._found[row_id]

    def __iter__(self) -> Iterator[Prediction]:
        return iter(self._found.values())

    def missing(self, rows: Sequence[EvalRow]) -> list[EvalRow]:
        return [row for row in rows if row.id not in self._found]

    def add(self, predictions: Iterable[Prediction]) -> None:
        """Keep predictions, on disk first."""
        predictions = list(predictions)
        lines = [json.dumps(asdict(one), ensure_ascii=False) for one in predictions]
        with self.file.open("a", encoding="utf-8") as sink:
            # the newline in front ends a line that a kill cut short
            sink.write("".join(f"\n{line}" for line in lines) + "\n")
        self._found.update((one.id, one) for one in predictions)


Progress = Callable[[int], None]


def shuffled(rows: Sequence[EvalRow]) -> list[EvalRow]:
    """Distinct rows in an order fixed by their ids alone, so that its beginnings are samples."""
    distinct = {row.id: row for row in rows}.values()
    return sorted(distinct, key=lambda row: hashlib.sha256(row.id.encode()).digest())


def prompts(renderer: Any, schema: Schema, rows: Sequence[EvalRow]) -> list[str]:
    """Rendered prompts by a tokenizer's or an engine's chat template."""
    return [
        prompt.render(renderer, prompt.messages(schema, row.request, row.context)) for row in rows
    ]


def predict_hf(
    loaded: Any,
    schema: Schema,
    rows: Sequence[EvalRow],
    into: Predictions,
    *,
    max_new_tokens: int,
    batch_size: int,
    stop_at_object: bool,
    progress: Progress,
) -> None:
    """Greedy answers of a transformers model (``hf_runner.Loaded``), batch by batch."""
    from clitron_dagster.evaluate.hf_runner import generate_answers

    rows = into.missing(rows)
    texts = prompts(loaded.tokenizer, schema, rows)
    order = sorted(range(len(rows)), key=lambda i: len(texts[i]), reverse=True)
    for start in range(0, len(order), batch_size):
        batch = order[start : start + batch_size]
        answers = generate_answers(
            None,
            None,
            [texts[i] for i in batch],
            max_new_tokens,
            batch_size,
            loaded=loaded,
            stop_at_object=stop_at_object,
        )
        into.add(
            Prediction(rows[i].id, answer.text) for i, answer in zip(batch, answers, strict=True)
        )
        progress(len(into))


def predict_served(
    engine: Engine,
    schema: Schema,
    rows: Sequence[EvalRow],
    into: Predictions,
    *,
    max_new_tokens: int,
    progress: Progress,
) -> None:
    """Answers of a GGUF as it is served: ``predict_rows`` with the schema's grammar.

    With an engine of one slot each row is answered alone, warm, and its latency is kept.
    """
    from clitron_dagster.answer import answer_end
    from clitron_dagster.inference.predict import predict_rows

    rows = into.missing(rows)
    asked = [{"id": row.id, "nl": row.request, "context": row.context} for row in rows]
    alone = engine.parallel == 1
    if alone:
        list(predict_rows(engine, schema, asked[:WARM_UP_ROWS], max_tokens=max_new_tokens))
    for found in predict_rows(engine, schema, asked, max_tokens=max_new_tokens):
        response = found["response"]
        text = str(found["error"]) if response is None else canonical(response)
        tokens = len(engine.tokenize(text[: answer_end(text)], special=False))
        timed = (found["latency_ms"], tokens) if alone else (None, None)
        into.add([Prediction(found["id"], text, *timed)])
        progress(len(into))


def predict_free(
    engine: Engine,
    schema: Schema,
    rows: Sequence[EvalRow],
    into: Predictions,
    *,
    max_new_tokens: int,
    progress: Progress,
) -> None:
    """Answers of a GGUF without a grammar, up to its own end token."""
    rows = into.missing(rows)
    if not rows:
        return
    texts = prompts(engine, schema, rows)
    engine.keep_prefix(texts)
    for start in range(0, len(rows), CHUNK_ROWS):
        chunk = rows[start : start + CHUNK_ROWS]
        answers = engine.complete_batch(texts[start : start + CHUNK_ROWS], max_new_tokens)
        into.add(
            Prediction(row.id, answer.text) for row, answer in zip(chunk, answers, strict=True)
        )
        progress(len(into))
