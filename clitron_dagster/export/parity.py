"""Does the GGUF see and say what training saw? Tokens must agree; greedy answers are compared.

A template or stop token that differs between training and serving is the classic silent failure.
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

from clitron_dagster.errors import ClitronError

MAX_ANSWER_TOKENS = 96


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


def trained_answers(model: Path, prompts: Sequence[str]) -> list[str]:
    """Greedy answers of the merged model by transformers, in fp32."""
    import torch

    from clitron_dagster.evaluate.hf_runner import generate_answers, load_model

    loaded = load_model(model, dtype=torch.float32)
    answers = generate_answers(None, None, prompts, MAX_ANSWER_TOKENS, loaded=loaded)
    return [answer.text for answer in answers]


def compare_answers(gguf: Path, prompts: Sequence[str], expected: Sequence[str]) -> dict[str, Any]:
    """How many greedy answers of the GGUF equal the trained model's, and the first that does not."""
    from clitron_dagster.inference.engine import Engine

    with Engine(gguf) as engine:
        engine.keep_prefix(prompts)
        answers = [engine.complete(text, MAX_ANSWER_TOKENS).text for text in prompts]
    pairs = list(zip(expected, answers, strict=True))
    different = next(({"trained": a, "gguf": b} for a, b in pairs if a != b), None)
    return {
        "same": sum(a == b for a, b in pairs),
        "of": len(pairs),
        "first_difference": different,
    }
