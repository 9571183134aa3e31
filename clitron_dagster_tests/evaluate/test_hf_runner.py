from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from typing import Any

import pytest
import torch

from clitron_dagster.base_model import TINY, resolve_base_model
from clitron_dagster.evaluate.hf_runner import Loaded, generate_answers, load_model, object_end

PROMPTS = [
    "<|im_start|>user\nshow me the log<|im_end|>\n<|im_start|>assistant\n",
    "<|im_start|>user\npush<|im_end|>\n<|im_start|>assistant\n",
    "<|im_start|>user\ncreate a branch called feature/login and switch to it<|im_end|>\n",
    "Something with another beginning",
    "<|im_start|>user\nundo<|im_end|>\n<|im_start|>assistant\n",
]


@pytest.fixture(scope="module", autouse=True)
def one_thread() -> Iterator[None]:
    """Threads that wait for each other cost more than they give on a model this small."""
    before = torch.get_num_threads()
    torch.set_num_threads(1)
    yield
    torch.set_num_threads(before)


@pytest.fixture(scope="module")
def tiny() -> Loaded:
    """Random weights, scaled so that answers differ by prompt."""
    loaded = load_model(resolve_base_model(TINY), device="cpu", dtype=torch.float32)
    torch.manual_seed(3)
    with torch.no_grad():
        for name, weights in loaded.model.named_parameters():
            if "proj" in name:
                weights.normal_(std=0.5)
    return loaded


def reference(loaded: Loaded, prompt: str, tokens: int, **more: Any) -> str:
    ids = loaded.tokenizer(prompt, return_tensors="pt", add_special_tokens=False)
    out = loaded.model.generate(**ids, max_new_tokens=tokens, do_sample=False, **more)
    text = loaded.tokenizer.decode(out[0, ids["input_ids"].shape[1] :], skip_special_tokens=True)
    return str(text)


@pytest.mark.parametrize("batch_size", [1, 2, 8])
@pytest.mark.parametrize(
    "prompts", [PROMPTS, PROMPTS[:3], PROMPTS[:1] * 3, [PROMPTS[0], PROMPTS[0] + "x"]]
)
def test_greedy_equals_generate(tiny: Loaded, batch_size: int, prompts: list[str]) -> None:
    found = generate_answers(None, None, prompts, 12, batch_size, loaded=tiny)
    assert [one.text for one in found] == [reference(tiny, prompt, 12) for prompt in prompts]


def test_rows_that_end_early_leave_the_others_alone(tiny: Loaded) -> None:
    """A token that comes up early in one row is made EOS."""
    settings = tiny.model.generation_config
    before = settings.eos_token_id
    texts = [reference(tiny, prompt, 12) for prompt in PROMPTS]
    ends = [tiny.tokenizer(text, add_special_tokens=False)["input_ids"] for text in texts]
    try:
        for ids in ends[::2]:
            settings.eos_token_id = [before, ids[3]]
            found = generate_answers(None, None, PROMPTS, 12, 3, loaded=tiny)
            wanted = [
                reference(tiny, prompt, 12).removesuffix(tiny.tokenizer.decode([ids[3]]))
                for prompt in PROMPTS
            ]
            assert [one.text for one in found] == wanted
            assert min(len(text) for text in wanted) < max(len(text) for text in wanted)
    finally:
        settings.eos_token_id = before


def test_samples_depend_on_the_seed_and_not_on_the_batch(tiny: Loaded) -> None:
    def sample(seed: int, batch_size: int) -> list[str]:
        return [
            one.text
            for one in generate_answers(
                None, None, PROMPTS, 6, batch_size, loaded=tiny, do_sample=True, temperature=1.5,
                num_return_sequences=3, seed=seed,
            )
        ]  # fmt: skip

    one = sample(1, 4)
    assert len(one) == 15
    assert len(set(one[:3])) > 1
    assert one == sample(1, 7)
    assert one != sample(2, 4)


def test_samples_follow_the_distribution(tiny: Loaded) -> None:
    """The first token's frequencies against the model's own probabilities."""
    ids = tiny.tokenizer(PROMPTS[1], return_tensors="pt", add_special_tokens=False)
    with torch.inference_mode():
        wanted = torch.softmax(tiny.model(**ids).logits[0, -1] / 0.7, -1)
    found = Counter(
        one.text
        for one in generate_answers(
            None, None, PROMPTS[1:2], 1, 500, loaded=tiny, do_sample=True, temperature=0.7,
            num_return_sequences=2000,
        )
    )  # fmt: skip
    best = wanted.topk(3)
    for probability, token in zip(best.values.tolist(), best.indices.tolist(), strict=True):
        share = found[tiny.tokenizer.decode([token], skip_special_tokens=True)] / 2000
        assert share == pytest.approx(probability, abs=0.05)


def test_cold_samples_are_greedy(tiny: Loaded) -> None:
    cold = generate_answers(
        None,
        None,
        PROMPTS,
        8,
        loaded=tiny,
        do_sample=True,
        temperature=1e-4,
        num_return_sequences=1,
    )
    assert [one.text for one in cold] == [reference(tiny, prompt, 8) for prompt in PROMPTS]


def test_limits_and_progress(tiny: Loaded) -> None:
    seen: list[tuple[int, int]] = []
    tiny.model.train()
    generate_answers(
        None, None, PROMPTS, 2, 2, loaded=tiny, progress=lambda done, of: seen.append((done, of))
    )
    assert seen == [(2, 5), (4, 5), (5, 5)]
    assert tiny.model.training
    tiny.model.eval()
    assert generate_answers(None, None, [], loaded=tiny) == []
    with pytest.raises(ValueError, match="model_dir or loaded"):
        generate_answers(None, None, PROMPTS)
    with pytest.raises(ValueError, match="temperature"):
        generate_answers(None, None, PROMPTS, loaded=tiny, do_sample=True, temperature=0)


@pytest.mark.parametrize(
    ("text", "end"),
    [
        ('{"a":{"b":"}"}} and more', 15),
        (' \n{"a":1}', 9),
        ('{"a":1', None),
        ("[1]", None),
        ("Sure: {}", None),
        ("", None),
    ],
)
def test_object_end(text: str, end: int | None) -> None:
    assert object_end(text) == end
