"""Where training runs, and in what precision."""

from __future__ import annotations

import os
from pathlib import Path

import torch


def pick_device() -> str:
    """``cuda``, ``mps`` or ``cpu``, the best that is there."""
    if torch.cuda.is_available():
        return "cuda"
    return "mps" if torch.backends.mps.is_available() else "cpu"


def supports_bf16(device: str) -> bool:
    """Whether bf16 matrix products are native; emulated ones are slower than fp32."""
    if device == "cuda":
        return bool(torch.cuda.is_bf16_supported())
    if device == "mps":
        return False
    return cpu_has_bf16()


def cpu_has_bf16() -> bool:
    """True on x86 with avx512_bf16 or AMX and on Arm with bf16, as the kernel lists them."""
    try:
        flags = Path("/proc/cpuinfo").read_text().lower()
    except OSError:
        return False
    return any(flag in flags for flag in ("avx512_bf16", "amx_bf16", " bf16 "))


def use_all_cores() -> None:
    """Give torch the cores that this process may use (containers often see more than they get)."""
    torch.set_num_threads(len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else 1)
