"""Rows to tokens: the prompt masked, the answer and its EOS supervised, packed for one pass.

Response-only loss with EOS is the lesson of older pipelines: a loss over the prompt looks like
convergence and teaches nothing, and without EOS the model never stops.

Packing shares work: every row begins with the same tokens (template and system line), so a bin holds
that prefix once and then the rest of many rows, each of which attends to the prefix and to itself
alone, with the positions it would have had on its own. The loss and its gradient are exactly those
of the unpacked rows (``clitron_dagster_tests/train/test_encode.py`` proves it).
"""

from __future__ import annotations

import json
import random
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from clitron_dagster import prompt
from clitron_dagster.answer import answer_end
from clitron_dagster.errors import ClitronError
from clitron_dagster.schema import Schema, digest

if TYPE_CHECKING:
    import torch

IGNORED = -100  # label of a token that carries no loss
PREFIX, PADDING = -1, -2  # segment numbers; rows of a bin count from 0


class EncodingError(ClitronError):
    """Rows that cannot be trained on as they are."""


@dataclass(frozen=True)
class Encoded:
    """One row: token ids of the prompt, and of the answer with EOS."""

    prompt_ids: list[int]
    answer_ids: list[int]

    def __len__(self) -> int:
        return len(self.prompt_ids) + len(self.answer_ids)


@dataclass(frozen=True)
class Packed:
    """Bins of one fixed length, and what is in them."""

    bins: list[dict[str, list[int]]]
    rows: int
    tokens: int  # prefix, row and padding tokens: what the machine computes
    supervised: int
    unpacked_tokens: int  # what the rows would have taken one by one, without padding


def read_rows(file: Path) -> list[dict[str, Any]]:
    with file.open(encoding="utf-8") as lines:
        return [json.loads(line) for line in lines]


def prompt_text(tokenizer: Any, schema: Schema, row: dict[str, Any]) -> str:
    chat = prompt.messages(schema, row["instruction"], row["context"])
    return prompt.render(tokenizer, chat)


def encode(
    tokenizer: Any,
    schema: Schema,
    rows: Iterable[dict[str, Any]],
    max_length: int,
    whole_share: float = 1.0,
) -> list[Encoded]:
    """Tokenize rows.

    Behind an answer's meaning always comes the same: ``,"confidence":0.95}`` and EOS, an eighth of a
    row's tokens. ``whole_share`` of the rows teach it; the others stop where the meaning is complete,
    with the token that decoding would stop at (``answer.answer_end``).

    Raises:
        EncodingError: a row is longer than ``max_length`` tokens (cutting it would cut its loss
            away), or its prompt does not end on a token boundary.
    """
    rows = list(rows)
    prompts = [prompt_text(tokenizer, schema, row) for row in rows]
    eos = tokenizer.eos_token
    if eos is None:
        raise EncodingError("the base model's tokenizer has no EOS token; choose an instruct model")
    wholes = [text + row["output"] + eos for text, row in zip(prompts, rows, strict=True)]
    if not rows:
        return []
    prompt_ids = tokenizer(prompts, add_special_tokens=False)["input_ids"]
    tokenized = tokenizer(wholes, add_special_tokens=False, return_offsets_mapping=whole_share < 1)
    encoded = []
    for number, (row, head) in enumerate(zip(rows, prompt_ids, strict=True)):
        whole = tokenized["input_ids"][number]
        if whole[: len(head)] != head:
            raise EncodingError(
                f'the prompt of row "{row["instruction"]:.60}" does not end on a token boundary '
                "with this tokenizer; choose another base model or report this"
            )
        if whole[-1] != tokenizer.eos_token_id:
            raise EncodingError(
                "the tokenizer does not read its own EOS token's text; its special tokens are "
                "incomplete, so the model would never learn to stop"
            )
        if len(whole) > max_length:
            raise EncodingError(
                f'row "{row["instruction"]:.60}" takes {len(whole)} tokens and `max_length` is '
                f"{max_length}; raise it, or shorten the row"
            )
        if not _is_whole(row, whole_share):
            offsets = tokenized["offset_mapping"][number]
            whole = whole[: _meaning(offsets, len(prompts[number]), row["output"])]
        encoded.append(Encoded(head, whole[len(head) :]))
    return encoded


def _is_whole(row: dict[str, Any], share: float) -> bool:
    """Decided by the row itself, so that it does not change with the rows around it."""
    return share >= 1 or int(digest(row["output"] + row["instruction"])[:8], 16) < share * 2**32


def _meaning(offsets: list[tuple[int, int]], start: int, output: str) -> int:
    """How many tokens reach to the end of the answer's meaning."""
    end = answer_end(output)
    if end is None:
        return len(offsets)
    return next(count for count, (_, last) in enumerate(offsets, 1) if last >= start + end)


def shared_prefix(rows: list[Encoded]) -> list[int]:
    """The longest run of tokens that all prompts begin with.

    Each prompt keeps at least one token of its own: the answer's first token is predicted from it.
    """
    prefix = rows[0].prompt_ids[: min(len(row.prompt_ids) for row in rows) - 1]
    for row in rows:
        same = 0
        for a, b in zip(prefix, row.prompt_ids, strict=False):
            if a != b:
                break
            same += 1
        prefix = prefix[:same]
    return prefix


def pack(rows: list[Encoded], bin_length: int, pad_id: int, seed: int) -> Packed:
    """Put rows into bins of ``bin_length`` tokens, first fit in a shuffled order.

    A bin is ``{"input_ids", "labels", "position_ids", "segment_ids"}``, each of ``bin_length``
    ints. A row too long for ``bin_length`` makes all bins as long as it needs.
    """
    if not rows:
        raise EncodingError("there are no rows to train on")
    prefix = shared_prefix(rows)
    longest = max(len(row) for row in rows)
    room = max(bin_length, longest) - len(prefix)
    order = list(rows)
    random.Random(seed).shuffle(order)
    contents: list[list[Encoded]] = []
    free: list[int] = []
    for row in order:
        size = len(row) - len(prefix)
        # Only the last bins are looked at: near-perfect fill at linear cost.
        start = max(0, len(free) - 40)
        place = next((i for i in range(start, len(free)) if free[i] >= size), None)
        if place is None:
            contents.append([])
            free.append(room)
            place = len(free) - 1
        contents[place].append(row)
        free[place] -= size
    bins = [_lay_out(prefix, content, room, pad_id) for content in contents]
    return Packed(
        bins=bins,
        rows=len(rows),
        tokens=len(bins) * (room + len(prefix)),
        supervised=sum(len(row.answer_ids) for row in rows),
        unpacked_tokens=sum(len(row) for row in rows),
    )


def _lay_out(
    prefix: list[int], rows: list[Encoded], room: int, pad_id: int
) -> dict[str, list[int]]:
    ids, labels = list(prefix), [IGNORED] * len(prefix)
    positions, segments = list(range(len(prefix))), [PREFIX] * len(prefix)
    for number, row in enumerate(rows):
        own = row.prompt_ids[len(prefix) :]
        ids += own + row.answer_ids
        labels += [IGNORED] * len(own) + row.answer_ids
        positions += range(len(prefix), len(row))
        segments += [number] * (len(row) - len(prefix))
    padding = len(prefix) + room - len(ids)
    return {
        "input_ids": ids + [pad_id] * padding,
        "labels": labels + [IGNORED] * padding,
        "position_ids": positions + [0] * padding,
        "segment_ids": segments + [PADDING] * padding,
    }


def attention_mask(segment_ids: torch.Tensor) -> torch.Tensor:
    """Boolean mask (batch, 1, length, length): causal; to the own segment and the prefix alone.

    Padding attends to itself, so that no row of the softmax is empty.
    """
    import torch

    length = segment_ids.shape[1]
    causal = torch.ones(length, length, dtype=torch.bool, device=segment_ids.device).tril()
    same = segment_ids[:, :, None] == segment_ids[:, None, :]
    to_prefix = (segment_ids[:, None, :] == PREFIX) & (segment_ids[:, :, None] != PADDING)
    return ((same | to_prefix) & causal)[:, None]
