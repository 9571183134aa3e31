"""What SFT and DPO share: checkpoints to resume from, progress, curves, and what is written down."""

from __future__ import annotations

import json
import math
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

from transformers import TrainerCallback

from clitron_dagster.errors import ClitronError


class TrainingError(ClitronError):
    """Training that went wrong in a way that a setting can mend."""


def last_checkpoint(folder: Path) -> Path | None:
    """The newest whole checkpoint. ``trainer_state.json`` is written last, so it tells.

    Half-written ones (a kill in the middle of a save) are removed.
    """
    whole: list[Path] = []
    for checkpoint in folder.glob("checkpoint-*"):
        try:
            json.loads((checkpoint / "trainer_state.json").read_text())
            whole.append(checkpoint)
        except (OSError, ValueError):
            shutil.rmtree(checkpoint)
    return max(whole, key=lambda path: int(path.name.rsplit("-", 1)[1]), default=None)


class Reporter(TrainerCallback):
    """Passes progress on, and stops a run whose loss is no number."""

    def __init__(self, name: str, log: Callable[[str], None], progress: Callable[..., None]):
        self._name, self._log, self._progress = name, log, progress

    def on_log(self, args: Any, state: Any, control: Any, logs: Any = None, **_: Any) -> None:
        numbers = {k: v for k, v in (logs or {}).items() if isinstance(v, int | float)}
        loss = numbers.get("loss", numbers.get("eval_loss"))
        if loss is None:
            return
        if not math.isfinite(loss):
            raise TrainingError(
                f"{self._name}: the loss is {loss} at step {state.global_step}; lower "
                "`learning_rate`, and look for broken rows in the dataset"
            )
        kind = "loss" if "loss" in numbers else "validation loss"
        self._log(f"{self._name}: step {state.global_step}/{state.max_steps}, {kind} {loss:.4f}")
        self._progress({"step": state.global_step, "steps": state.max_steps, **numbers})


def run(trainer: Any, checkpoints: Path, log: Callable[[str], None]) -> Any:
    """Train, going on from the newest whole checkpoint."""
    checkpoint = last_checkpoint(checkpoints)
    if checkpoint:
        log(f"going on from {checkpoint.name}")
    return trainer.train(resume_from_checkpoint=str(checkpoint) if checkpoint else None)


def write_records(
    out: Path, config: dict[str, Any], metrics: dict[str, Any], history: list[dict[str, Any]]
) -> None:
    """``training_config.json``, ``training_metrics.json`` (with ``log_history``), ``curves.png``."""
    text = json.dumps(config, indent=1, default=str)
    (out / "training_config.json").write_text(text + "\n", encoding="utf-8")
    text = json.dumps({**metrics, "log_history": history}, indent=1, default=str)
    (out / "training_metrics.json").write_text(text + "\n", encoding="utf-8")
    plot_curves(history, out / "curves.png")


def plot_curves(history: list[dict[str, Any]], file: Path) -> None:
    """Plot what is in a trainer's log history: losses, and DPO's rewards where there are any."""
    from matplotlib.figure import Figure

    panels = [
        {"loss": "train", "eval_loss": "validation"},
        {"rewards/accuracies": "reward accuracy", "rewards/margins": "reward margin"},
    ]
    panels = [panel for panel in panels if any(key in entry for entry in history for key in panel)]
    figure = Figure(figsize=(6 * max(len(panels), 1), 3.6), layout="constrained")
    axes = figure.subplots(1, max(len(panels), 1), squeeze=False)[0]
    for axis, panel in zip(axes, panels, strict=False):
        for key, label in panel.items():
            points = [(e["step"], e[key]) for e in history if key in e]
            if points:
                axis.plot(*zip(*points, strict=True), label=label, marker="o", markersize=3)
        axis.set_xlabel("step")
        axis.set_title(" and ".join(panel.values()))
        axis.grid(alpha=0.3)
        axis.legend()
    figure.savefig(file, dpi=110)
