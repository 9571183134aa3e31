"""Named sets of settings, from minutes on two CPU cores to a GPU.

Keys as in :mod:`clitron_dagster.settings`; a field that is not named keeps its stage's default.
"""

from __future__ import annotations

from typing import Any

from clitron_dagster.base_model import TINY

PROFILES: dict[str, dict[str, dict[str, Any]]] = {
    # Some 15 minutes on two CPU cores: one pass over 5,000 rows, through the upper half of the layers
    # only, as the lower ones learned their part in the warm start. The structure prior is fitted on all
    # rows of the train split: that takes half a minute, however many they are.
    "quick": {
        "raw_examples": {"num_examples": 5000},
        "sft_adapter": {
            "max_rows": 5000, "epochs": 1, "checkpoints_per_epoch": 2, "max_val_rows": 64,
            "frozen_layers": 15,
        },
        "preference_pairs": {"num_prompts": 32, "samples_per_prompt": 2, "min_pairs": 16},
        "dpo_model": {"max_pairs": 16, "max_val_rows": 16},
        "gguf_model": {"parity_prompts": 4, "calibration_rows": 160},
        "eval_report": {
            "max_test_rows": 48, "max_human_rows": 160, "compare_rows": 24, "base_rows": 8,
            "latency_rows": 12,
        },
    },
    # The specification's 3 epochs, on 5,000 examples. Somewhat over an hour on two cores.
    "full": {
        "raw_examples": {"num_examples": 5_000},
        "sft_adapter": {"epochs": 3},
    },
    # One CUDA card: a larger base model with QLoRA.
    "gpu": {
        "raw_examples": {"num_examples": 10_000},
        "sft_adapter": {
            "base_model": "meta-llama/Llama-3.2-1B-Instruct",
            "method": "qlora",
            "epochs": 3,
            "gradient_checkpointing": True,
        },
        "preference_pairs": {"base_model": "meta-llama/Llama-3.2-1B-Instruct"},
        "dpo_model": {"base_model": "meta-llama/Llama-3.2-1B-Instruct", "per_device_batch_size": 4},
        "eval_report": {"base_model": "meta-llama/Llama-3.2-1B-Instruct"},
    },
    # Seconds, with an untrained model: for tests of the graph, never for use.
    "tiny": {
        "raw_examples": {"num_examples": 120},
        "sft_adapter": {"base_model": TINY, "epochs": 2, "max_val_rows": 16},
        "preference_pairs": {
            "base_model": TINY, "num_prompts": 12, "samples_per_prompt": 2, "min_pairs": 8,
            "max_new_tokens": 24,
        },
        "dpo_model": {"base_model": TINY, "max_pairs": 8, "max_val_rows": 8, "max_new_tokens": 24},
        "gguf_model": {"quants": ("q8_0",), "calibration_rows": 6, "max_new_tokens": 16},
        "eval_report": {
            "base_model": TINY, "compare_rows": 4, "base_rows": 2, "max_human_rows": 6,
            "max_test_rows": 6, "latency_rows": 2, "max_new_tokens": 16,
        },
    },
}  # fmt: skip
