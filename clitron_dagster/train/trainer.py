"""TRL's SFT trainer with a loss that scores answer positions only, over packed bins.

TRL's CPU path projects every position onto the vocabulary (49,152 wide for SmolLM2) though most
carry no loss; here only the supervised positions are projected, in most steps onto the tokens of
the data alone. ``benchmarks/training.py`` measures what that saves.
"""

from __future__ import annotations

from typing import Any

import torch
import torch.nn.functional as F
from trl import SFTTrainer

from clitron_dagster.train.encode import IGNORED, attention_mask

WHOLE_VOCABULARY_EVERY = 8  # optimizer steps


def collate(bins: list[dict[str, list[int]]]) -> dict[str, torch.Tensor]:
    """Stack bins to tensors of shape (bins, bin_length)."""
    return {key: torch.tensor([one[key] for one in bins]) for key in bins[0]}


class ResponseOnlyTrainer(SFTTrainer):
    """Trains on bins of :func:`clitron_dagster.train.encode.pack`."""

    compiled_backbone: Any = None
    # Tokens of the data, ascending; None for the tokenizer's whole vocabulary in every step.
    vocabulary: torch.Tensor | None = None

    def backbone(self) -> Any:
        """The transformer without its LM head."""
        return _backbone(self.model)

    def compute_loss(
        self,
        model: Any,
        inputs: dict[str, torch.Tensor],
        return_outputs: bool = False,
        num_items_in_batch: Any = None,
    ) -> Any:
        hidden = self._hidden(model, inputs)
        # The state at position t predicts the token at t+1; a row's first answer token follows its
        # own last prompt token, so a shift within the bin never crosses into another row's loss.
        targets = inputs["labels"][:, 1:]
        wanted = targets != IGNORED
        with self._autocast(hidden.device):
            logits, numbers = self._project(model, hidden[:, :-1][wanted], targets[wanted])
        loss = F.cross_entropy(logits.float(), numbers, reduction="sum")
        count = wanted.sum() if num_items_in_batch is None else num_items_in_batch
        loss = loss / count
        return (loss, {"loss": loss.detach()}) if return_outputs else loss

    def _project(
        self, model: Any, hidden: torch.Tensor, targets: torch.Tensor
    ) -> tuple[torch.Tensor, torch.Tensor]:
        """Logits of shape (positions, tokens), and each target's place among the tokens.

        No token outside the data is ever right. Pushing these down is learned within few steps, so
        only every eighth has them compete.
        """
        head = _lm_head(model)
        rare = self.state.global_step % WHOLE_VOCABULARY_EVERY == 0
        if self.vocabulary is None or rare or not model.training:
            return head(hidden), targets
        vocabulary = self.vocabulary.to(hidden.device)
        bias = head.bias[vocabulary] if head.bias is not None else None
        logits = F.linear(hidden, head.weight[vocabulary], bias)
        return logits, torch.searchsorted(vocabulary, targets)

    def _hidden(self, model: Any, inputs: dict[str, torch.Tensor]) -> torch.Tensor:
        backbone = _backbone(model)
        if self.compiled_backbone is not None and model.training:
            backbone = self.compiled_backbone
        mask = attention_mask(inputs["segment_ids"])
        if (
            _causal_lm(model).config._attn_implementation == "eager"
        ):  # it adds the mask to its scores
            dtype = torch.bfloat16 if self.args.bf16 else torch.float32
            lowest = torch.finfo(dtype).min
            mask = torch.zeros_like(mask, dtype=dtype).masked_fill_(~mask, lowest)
        with self._autocast(inputs["input_ids"].device):
            return backbone(
                input_ids=inputs["input_ids"],
                attention_mask=mask,
                position_ids=inputs["position_ids"],
                use_cache=False,
            ).last_hidden_state

    def _autocast(self, device: torch.device) -> torch.autocast:
        """bf16 where asked for. accelerate wraps only ``model.forward``, which is not called here."""
        return torch.autocast(device.type, torch.bfloat16, enabled=self.args.bf16)

    def prediction_step(self, model: Any, inputs: Any, *_: Any, **__: Any) -> Any:
        with torch.inference_mode():
            inputs = self._prepare_inputs(inputs)
            return self.compute_loss(model, inputs).detach(), None, None

    def _set_signature_columns_if_needed(self) -> None:
        self._signature_columns = ["input_ids", "labels", "position_ids", "segment_ids"]


def _causal_lm(model: Any) -> Any:
    return model.get_base_model() if hasattr(model, "get_base_model") else model


def _backbone(model: Any) -> Any:
    return _causal_lm(model).get_decoder()


def _lm_head(model: Any) -> Any:
    return _causal_lm(model).get_output_embeddings()
