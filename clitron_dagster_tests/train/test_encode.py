"""Packing with a shared prefix must be exact: same loss, same gradient as rows one by one."""

import json
import random

import pytest
import torch
from transformers import AutoModelForCausalLM, AutoTokenizer

from clitron_dagster.answer import answer_end, canonical
from clitron_dagster.base_model import TINY, resolve_base_model
from clitron_dagster.schema import load_schema
from clitron_dagster.train.encode import (
    IGNORED,
    Encoded,
    EncodingError,
    attention_mask,
    encode,
    pack,
    shared_prefix,
)
from clitron_dagster.train.trainer import collate
from clitron_dagster_tests.paths import NOTES


@pytest.fixture(scope="module")
def tokenizer():
    return AutoTokenizer.from_pretrained(resolve_base_model(TINY))


@pytest.fixture(scope="module")
def rows(tokenizer):
    schema = load_schema(NOTES)
    made = [
        {
            "instruction": f"show note {i} {'please ' * (i % 4)}",
            "context": None,
            "output": json.dumps({"type": "command", "args": {"id": i}}),
        }
        for i in range(9)
    ]
    return encode(tokenizer, schema, made, 200)


def test_answers_end_with_eos_and_prompts_share_a_prefix(tokenizer, rows):
    assert all(row.answer_ids[-1] == tokenizer.eos_token_id for row in rows)
    prefix = shared_prefix(rows)
    assert "notes command as JSON" in tokenizer.decode(prefix)
    assert all(len(row.prompt_ids) > len(prefix) for row in rows)


def test_an_answers_unvarying_end_is_taught_by_a_share_of_the_rows(tokenizer):
    schema = load_schema(NOTES)
    answer = {"type": "command", "command": "add", "subcommand": None, "args": {}, "flags": []}
    made = [
        {
            "instruction": f"add {i}",
            "context": None,
            "output": canonical({**answer, "args": {"text": f"note {i}"}, "confidence": 0.95}),
        }
        for i in range(60)
    ]
    all_whole = encode(tokenizer, schema, made, 200)
    mixed = encode(tokenizer, schema, made, 200, whole_share=0.3)
    cut = [(a, b) for a, b in zip(all_whole, mixed, strict=True) if a != b]
    assert 30 < len(cut) < 55
    for whole, short in cut:
        assert short.prompt_ids == whole.prompt_ids
        assert whole.answer_ids[: len(short.answer_ids)] == short.answer_ids
        text = tokenizer.decode(short.answer_ids)
        end = answer_end(text)
        assert end is not None
        assert len(text) - end <= 3  # the token that holds the bracket may hold what follows it
        assert answer_end(tokenizer.decode(short.answer_ids[:-1])) is None
    assert mixed == encode(tokenizer, schema, made, 200, whole_share=0.3)


def test_packed_loss_and_gradient_equal_those_of_single_rows(rows):
    model = AutoModelForCausalLM.from_pretrained(resolve_base_model(TINY), dtype=torch.float32)
    packed = pack(rows, 128, pad_id=2, seed=1)
    assert len(packed.bins) < len(rows)
    assert packed.tokens < packed.unpacked_tokens

    def loss_of(logits, labels):
        return torch.nn.functional.cross_entropy(
            logits[:, :-1].reshape(-1, logits.shape[-1]),
            labels[:, 1:].reshape(-1),
            ignore_index=IGNORED,
            reduction="sum",
        )

    single = sum(
        loss_of(
            model(input_ids=torch.tensor([row.prompt_ids + row.answer_ids])).logits,
            torch.tensor([[IGNORED] * len(row.prompt_ids) + row.answer_ids]),
        )
        for row in rows
    )
    single.backward()
    expected = [p.grad.clone() for p in model.parameters()]
    model.zero_grad()
    batch = collate(packed.bins)
    logits = model(
        input_ids=batch["input_ids"],
        attention_mask=attention_mask(batch["segment_ids"]),
        position_ids=batch["position_ids"],
    ).logits
    together = loss_of(logits, batch["labels"])
    together.backward()
    assert torch.allclose(single, together, rtol=1e-4)
    for gradient, parameter in zip(expected, model.parameters(), strict=True):
        assert torch.allclose(gradient, parameter.grad, atol=2e-4, rtol=1e-3)


def test_every_answer_token_is_supervised_once(rows):
    packed = pack(rows, 128, pad_id=2, seed=3)
    labels = [label for one in packed.bins for label in one["labels"] if label != IGNORED]
    assert sorted(labels) == sorted(token for row in rows for token in row.answer_ids)
    assert packed.supervised == len(labels)


def test_bins_have_one_length_and_are_well_filled():
    rng = random.Random(0)
    made = [
        Encoded([1, 2, 3, rng.randrange(9, 99)], [5] * rng.randrange(20, 80)) for _ in range(300)
    ]
    packed = pack(made, 512, pad_id=0, seed=0)
    assert {len(one[key]) for one in packed.bins for key in one} == {512}
    used = sum(segment != -2 for one in packed.bins for segment in one["segment_ids"])
    assert used / packed.tokens > 0.93


def test_a_row_that_is_too_long_is_refused_not_cut(tokenizer):
    schema = load_schema(NOTES)
    row = {"instruction": "show " * 300, "context": None, "output": "{}"}
    with pytest.raises(EncodingError, match="max_length"):
        encode(tokenizer, schema, [row], 64)
