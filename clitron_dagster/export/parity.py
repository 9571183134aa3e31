"""Does the GGUF see and say what training saw? Tokens must agree; greedy answers are compared.

A template or stop token that differs between training and serving is the classic silent failure.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from clitron_dagster.errors import ClitronError

MAX_ANSWER_TOKENS = 96
MAX_F16_DRIFT = 0.05  # f16 of a right conversion: about 0.002


class ParityError(ClitronError):
    """The GGUF would read prompts otherwise than training did."""


def check_tokens(gguf: Path, tokenizer: Any, prompts: Sequence[str]) -> int:
    """Compare token ids of rendered prompts; returns how many were compared.

    Raises:
        ParityError: they differ; names the first place.
    """
    from clitron_dagster.inference.engine import Engine

    with Engine(gguf, n_ctx=512) as engine:
        if not engine.is_end(tokenizer.eos_token_id):
            raise ParityError(f"{gguf.name} does not end answers with `{tokenizer.eos_token}`")
        for text in prompts:
            ours = tokenizer(text, add_special_tokens=False)["input_ids"]
            theirs = engine.tokenize(text)
            if ours != theirs:
                place = next(
                    (i for i, (a, b) in enumerate(zip(ours, theirs, strict=False)) if a != b),
                    min(len(ours), len(theirs)),
                )
                raise ParityError(
                    f"{gguf.name} reads a prompt otherwise than training did, from token {place} "
                    f"on (`{tokenizer.decode(ours[place : place + 3])}`); its pre-tokenizer or "
                    "chat template is not the base model's"
                )
    return len(prompts)


@dataclass(frozen=True)
class Trained:
    """What the merged model says in fp32: greedy answers, and its log-probabilities of them."""

    answers: list[str]
    scores: list[list[float]]  # one number for each token of an answer, and for the end token


def trained_answers(model: Path, prompts: Sequence[str]) -> Trained:
    """Ask the merged model by transformers, in fp32."""
    import torch

    from clitron_dagster.evaluate.hf_runner import generate_answers, load_model

    loaded = load_model(model, dtype=torch.float32)
    found = generate_answers(None, None, prompts, MAX_ANSWER_TOKENS, loaded=loaded)
    answers = [answer.text for answer in found]
    scores = [_score(loaded, text, answer) for text, answer in zip(prompts, answers, strict=True)]
    return Trained(answers, scores)


def _score(loaded: Any, text: str, answer: str) -> list[float]:
    import torch

    asked, said = (loaded.tokenizer(t, add_special_tokens=False).input_ids for t in (text, answer))
    said = [*said, loaded.tokenizer.eos_token_id]
    ids = torch.tensor([[*asked, *said]], device=loaded.model.device)
    with torch.inference_mode():
        logits = loaded.model(input_ids=ids, logits_to_keep=len(said) + 1).logits[0, :-1]
    logprobs = logits.float().log_softmax(-1)
    return [float(logprobs[place, token]) for place, token in enumerate(said)]


def compare_answers(gguf: Path, prompts: Sequence[str], trained: Trained) -> dict[str, Any]:
    """How many greedy answers of the GGUF equal the trained model's, and the first other one.

    ``drift`` is the mean absolute difference of the log-probabilities of the trained model's
    answers: the measure that is there also when every answer is the same.
    """
    from clitron_dagster.inference.engine import Engine

    with Engine(gguf) as engine:
        engine.keep_prefix(prompts)
        answers = [engine.complete(text, MAX_ANSWER_TOKENS).text for text in prompts]
        scores = [engine.score(*pair) for pair in zip(prompts, trained.answers, strict=True)]
    pairs = list(zip(trained.answers, answers, strict=True))
    gaps = [
        abs(ours - theirs)
        for row, other in zip(trained.scores, scores, strict=True)
        for ours, theirs in zip(row, other, strict=True)
    ]
    return {
        "same": sum(a == b for a, b in pairs),
        "of": len(pairs),
        "drift": round(sum(gaps) / max(len(gaps), 1), 5),
        "first_difference": next(({"trained": a, "gguf": b} for a, b in pairs if a != b), None),
    }


def check_drift(gguf: Path, drift: float) -> None:
    """Refuse an f16 file whose probabilities are not those of the weights it was made from.

    Raises:
        ParityError: see ``MAX_F16_DRIFT``.
    """
    if drift > MAX_F16_DRIFT:
        raise ParityError(
            f"{gguf.name} computes other probabilities than the trained model (log-probabilities "
            f"differ by {drift} on average); the conversion is wrong for this kind of model"
        )
