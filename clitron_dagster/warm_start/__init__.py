"""The default starting point, ``clitron-135m``: SmolLM2-135M that knows the task, but not the CLI.

A run of ten minutes on a laptop would spend most of them on what is the same for every CLI: the
answer's JSON, values copied to the letter, questions back. So that was learned once, over requests
for 118 other CLIs, and ships as a LoRA in this folder. Neither git nor gh (which are measured
here), nor tools that are a shell around them, are among those CLIs, but some of their trade are
(Mercurial, GitLab's CLI …), so what is measured on the two may flatter a CLI that is like none of
them. ``train.py`` makes it anew.
"""

from __future__ import annotations

import functools
import hashlib
from pathlib import Path

FOLDER = Path(__file__).parent / "adapter"
WEIGHTS = FOLDER / "adapter_model.safetensors"


@functools.cache
def adapter_hash() -> str:
    """First 16 hex digits of the adapter's SHA-256."""
    with WEIGHTS.open("rb") as stream:
        return hashlib.file_digest(stream, "sha256").hexdigest()[:16]
