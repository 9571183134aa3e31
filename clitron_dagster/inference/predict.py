"""From requests to answers: prompt, decode, normalize, render, with a measured confidence.

The confidence is how often answers with such probabilities were right on rows set aside for that
(``calibration.py``); of a model without a calibration, the probability that it gave to what it decided:
the product over the answer's tokens, over the whole vocabulary. Of a clarification only the decision
to ask back counts, not the words of the question. A command that is so unsure that asking is the better
bet (``Calibration.ask_below``) comes back as a question that names it.
"""

from __future__ import annotations

import itertools
import json
from collections.abc import Iterable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

from clitron_dagster import answer as answers
from clitron_dagster import calibration, prompt
from clitron_dagster.argv import to_argv, to_shell
from clitron_dagster.calibration import Calibration, Signals
from clitron_dagster.errors import ClitronError
from clitron_dagster.inference import llama, structure_prior
from clitron_dagster.inference.engine import Completion, Engine
from clitron_dagster.inference.grammar import schema_grammar
from clitron_dagster.inference.llama import ModelFileError
from clitron_dagster.inference.outline import Outline
from clitron_dagster.inference.structure_prior import StructurePrior
from clitron_dagster.inference.vote import Vote
from clitron_dagster.nearby import nearby
from clitron_dagster.prompt import PROMPT_VERSION, RequestError
from clitron_dagster.schema import Schema, digest

MAX_ANSWER_TOKENS = 256
ROUND = 4  # digits of a reported confidence
Row = dict[str, Any]


def predict_rows(
    engine: Engine,
    schema: Schema,
    rows: Iterable[Row],
    *,
    constrained: bool = True,
    max_tokens: int = MAX_ANSWER_TOKENS,
) -> Iterator[Row]:
    """Answer rows ``{"id", "nl", "context"}``, lazily and in their order.

    Each row comes back with ``response`` (the answer object), ``argv`` (null for a clarification),
    ``confidence`` (0 to 1) and ``latency_ms``; one that fails has ``error`` as well, and of the
    others what there is. ``engine.parallel`` rows are decoded together; with more than 1, latency
    includes the neighbours'. ``constrained``: see ``grammar.py``.

    Raises:
        ModelFileError: the model belongs to another CLI or another prompt.
    """
    for row, _ in predict_with_signals(
        engine, schema, rows, constrained=constrained, max_tokens=max_tokens
    ):
        yield row


def predict_with_signals(
    engine: Engine,
    schema: Schema,
    rows: Iterable[Row],
    *,
    constrained: bool = True,
    max_tokens: int = MAX_ANSWER_TOKENS,
) -> Iterator[tuple[Row, Signals | None]]:
    """Like :func:`predict_rows`, with what the confidence is made of (None for a failed row)."""
    predictor = Predictor(engine, schema, constrained=constrained, max_tokens=max_tokens)
    rows = iter(rows)
    size = engine.parallel if engine.parallel == 1 else 4 * engine.parallel
    while chunk := list(itertools.islice(rows, size)):
        yield from predictor.answer(chunk)


class Predictor:
    """An engine made ready for one CLI, once: checked, its grammar made, the common prompt kept.

    ``prior``: let the structure prior vote (``vote.py``); without a grammar it never does.

    Raises:
        ModelFileError: the model belongs to another CLI or another prompt.
    """

    def __init__(
        self,
        engine: Engine,
        schema: Schema,
        *,
        constrained: bool = True,
        prior: bool = True,
        max_tokens: int = MAX_ANSWER_TOKENS,
    ) -> None:
        self.engine, self.schema, self._max_tokens = engine, schema, max_tokens
        self.warnings = warnings_of(schema, engine)
        self._grammar = schema_grammar(schema) if constrained else None
        self._outline = Outline(schema)
        self._fill = self._outline.forced if constrained else None
        self._fitted = calibration.parse(engine.metadata.get(calibration.KEY))
        found = prior_of(schema, engine)
        self._prior = found if constrained and prior else None
        engine.keep_prefix([_render(engine, schema, text, None) for text in ("a", "the last")])

    def answer(self, rows: Sequence[Row]) -> list[tuple[Row, Signals | None]]:
        """These rows answered, as :func:`predict_with_signals` yields them."""
        prompts: dict[int, str] = {}
        failed: dict[int, str] = {}
        for index, row in enumerate(rows):
            try:
                prompts[index] = self.prompt(row)
            except ClitronError as error:
                failed[index] = str(error)
        votes = [self._vote(rows[index]) for index in prompts]
        completions = self.engine.complete_batch(
            list(prompts.values()),
            self._max_tokens,
            grammar=self._grammar,
            until=answers.answer_end,
            fill=self._fill,
            advice=votes,
        )
        done = dict(zip(prompts, zip(completions, votes, strict=True), strict=True))
        return [
            self._answered(row, *done[index])
            if index in done
            else (_failed(row, failed[index]), None)
            for index, row in enumerate(rows)
        ]

    def prompt(self, row: Row) -> str:
        """The prompt of a row.

        Raises:
            RequestError: there is no request in it, or one that cannot be put to a model.
            TooLongError: it leaves no room for an answer.
        """
        request = row.get("nl") if isinstance(row, dict) else None
        if not isinstance(request, str):
            raise RequestError("the row has no text in `nl`")
        text = _render(self.engine, self.schema, request, row.get("context"))
        self.engine.fitting(text)
        return text

    def _vote(self, row: Row) -> Vote | None:
        if self._prior is None:
            return None
        return Vote(self._outline, self._prior.of(row["nl"]))

    def _answered(self, row: Row, completion: Completion, vote: Vote | None) -> tuple[Row, Signals]:
        signals = signals_of(self.engine, completion, vote)
        return _answered(self.schema, row, completion, signals, self._fitted), signals


def warnings_of(schema: Schema, engine: Engine) -> list[str]:
    """What a person should know of this model before believing its answers.

    Raises:
        ModelFileError: see :func:`check_model`.
    """
    found = check_model(schema, engine)
    if calibration.parse(engine.metadata.get(calibration.KEY)) is None:
        words = "its confidence is its own probability, not how often it is right"
        found.append(f"{engine.path} carries no calibration: {words}")
    beside = engine.path.parent / structure_prior.FILE
    if structure_prior.KEY in engine.metadata and not beside.is_file():
        words = "its answers will be worse, and its confidence is not to be relied on"
        found.append(f"{structure_prior.FILE} is missing beside {engine.path}: {words}")
    return found


def prior_of(schema: Schema, engine: Engine) -> StructurePrior | None:
    """The classifier that was made with a GGUF, where it stands beside it.

    Raises:
        ClitronError: the file there is damaged, or not the one that was made with this GGUF.
    """
    made_with = engine.metadata.get(structure_prior.KEY)
    if made_with is None:
        return None
    return structure_prior.load(
        engine.path.parent / structure_prior.FILE, schema.cli_name, made_with
    )


def check_model(schema: Schema, model: Engine | Path) -> list[str]:
    """Whether a GGUF was made for this CLI; returns warnings.

    Raises:
        ModelFileError: it was made for another CLI, or for another version of the prompt.
    """
    metadata: Mapping[str, str]
    if isinstance(model, Engine):
        metadata, path = model.metadata, model.path
    else:
        metadata, path = llama.read_metadata(model), model
    cli = metadata.get("clitron.cli")
    if cli is None:
        return [f"{path} says nothing of the CLI it was made for; it was not trained by clitron"]
    if cli != schema.cli_name:
        hint = f"give a model of `{schema.cli_name}`, or ask `{cli}`"
        raise ModelFileError(f"{path} was trained for `{cli}`, not `{schema.cli_name}`; {hint}")
    version = metadata.get("clitron.prompt_version")
    if version != PROMPT_VERSION:
        hint = f"train it again: clitron train {cli}"
        raise ModelFileError(
            f"{path} was trained with version {version} of the prompt, this is {PROMPT_VERSION}; "
            f"{hint}"
        )
    if metadata.get("clitron.legality_hash") != digest(schema.legality()):
        return [
            f"the commands in the schema of `{cli}` changed since {path} was trained; it does not "
            f"know the new ones (clitron train {cli})"
        ]
    return []


# -- one row --------------------------------------------------------------------------------------


def _render(engine: Engine, schema: Schema, request: str, context: Any) -> str:
    return prompt.render(engine, prompt.messages(schema, request, context))


def _failed(row: Any, error: str, latency_ms: float = 0.0) -> Row:
    given = row if isinstance(row, dict) else {"id": None}
    return {
        **given,
        "response": None,
        "argv": None,
        "confidence": 0.0,
        "latency_ms": latency_ms,
        "error": error,
    }


def _answered(
    schema: Schema,
    row: Row,
    completion: Completion,
    signals: Signals,
    fitted: Calibration | None,
) -> Row:
    latency = round(completion.latency_ms, 2)
    confidence = round(fitted.confidence(signals) if fitted else signals.probability, ROUND)
    text = completion.text
    if answers.answer_end(text) == len(text):
        text += f',"confidence":{confidence}}}'
    try:
        response = json.loads(text)
    except (ValueError, RecursionError):
        why = "is no JSON" if completion.ended else "did not come to an end"
        shown = " ".join(text.split())[:80]
        return _failed(row, f"the model's answer {why}: {shown}", latency)
    response = answers.normalize(schema, response)
    if isinstance(response, dict):
        response["confidence"] = confidence
    given = {key: value for key, value in row.items() if key != "error"}
    result = {**given, "response": response, "argv": None}
    result |= {"confidence": confidence, "latency_ms": latency}
    faults = answers.problems(schema, response)
    if faults:
        return {**result, "error": f"the model's answer is not legal: {faults[0]}"}
    argv = to_argv(schema, response)
    if fitted and argv and confidence < fitted.ask_below:
        asked = round(fitted.ask_right, ROUND)
        response = _question(schema, str(row.get("nl", "")), response, argv, asked)
        return {**result, "response": response, "confidence": asked}
    return {**result, "argv": argv}


def _question(schema: Schema, request: str, guess: Row, argv: list[str], confidence: float) -> Row:
    """A question in the place of a command that is too unsure, which it names."""
    unit = schema.unit(guess["command"], guess["subcommand"])
    units = [*([unit] if unit else []), *nearby(schema, request, but=unit, count=2)]
    return answers.clarification(
        f"I am not sure what you mean. Is it: {to_shell(argv)}",
        [answers.suggestion(one) for one in units],
        confidence,
    )


def signals_of(engine: Engine, completion: Completion, vote: Vote | None = None) -> Signals:
    """Over the answer's tokens; of a clarification, over those before its message."""
    total, weakest, written = 0.0, 0.0, b""
    asks = False
    for token, logprob in zip(completion.tokens, completion.logprobs, strict=True):
        asks = b'"clarification","message"' in written
        if asks:
            break
        total += logprob
        weakest = min(weakest, logprob)
        written += engine.piece(token)
    return Signals(total, weakest, asks, vote.log_p(completion.text) if vote else 0.0)
