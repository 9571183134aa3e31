"""Write ``report.html`` (self-contained), ``report.md`` and the plots from the two JSON files."""

from __future__ import annotations

import base64
import json
import shutil
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import jinja2

from clitron_dagster.evaluate import plots
from clitron_dagster.evaluate.summary import ERROR_KINDS, worst

TABLE = {
    "exact": "exact match",
    "structural": "structural match",
    "command": "right command",
    "arg_accuracy": "arguments",
    "flag_accuracy": "flags",
    "json_valid": "valid JSON",
    "schema_valid": "schema-valid",
    "clarification_precision": "question: precision",
    "clarification_recall": "question: recall",
    "context": "needs context",
}
MAX_ERRORS = {"human": 40, "test": 15}


def write(
    out: Path,
    metrics: Mapping[str, Any],
    table: Sequence[Mapping[str, Any]],
    inputs: Mapping[str, Path],
) -> None:
    """Write the report and its plots into ``out``."""
    images = _plots(out, metrics, inputs)
    main = main_column(metrics)
    facts = {
        "m": metrics,
        "main": main,
        "sets": {name: one for name, one in metrics["sets"].items() if one["rows"]},
        "notes": [one["note"] for one in metrics["sets"].values() if one["note"]],
        "table": TABLE,
        "kinds": ERROR_KINDS,
        "errors": {
            name: worst([row for row in table if row["set"] == name], main, limit)
            for name, limit in MAX_ERRORS.items()
        },
        "images": images,
        "calibration": calibration_words(inputs["gguf_model"], main),
        "confidences": [
            (one["label"], one["columns"][main]["confidence"])
            for one in metrics["sets"].values()
            if one["rows"] and one["columns"][main]["confidence"]["n"]
        ],
    }
    environment = jinja2.Environment(
        loader=jinja2.FileSystemLoader(Path(__file__).parent),
        autoescape=jinja2.select_autoescape(enabled_extensions=("html.jinja",)),
        trim_blocks=True,
        lstrip_blocks=True,
        undefined=jinja2.StrictUndefined,
    )
    environment.filters.update(
        percent=percent, interval=interval, mib=_mib, ms=_ms, p=_p, inline=_inline, cell=_cell,
        number=_number,
    )  # fmt: skip
    for name in ("report.html", "report.md"):
        text = environment.get_template(f"{name}.jinja").render(facts)
        (out / name).write_text(text, encoding="utf-8")


def calibration_words(gguf_model: Path, quant: str) -> str:
    """What the confidence of a quant was fitted on."""
    try:
        found = json.loads((gguf_model / "calibration.json").read_text(encoding="utf-8"))
    except (OSError, ValueError):
        found = {}
    one = found.get(quant) or {}
    if not one.get("fitted"):
        return "The confidence is the probability that the model gives to its own answer."
    return (
        f"The confidence was calibrated on {one['rows']} {found['rows_are']} rows, which are neither "
        f"trained nor tested on ({one['right']} of them answered exactly)."
    )


def main_column(metrics: Mapping[str, Any]) -> str:
    """The column that the report is about: the recommended quant, else the last one."""
    return str(metrics["recommended"]["quant"] or list(metrics["labels"])[-1])


def _plots(
    out: Path, metrics: Mapping[str, Any], inputs: Mapping[str, Path]
) -> list[tuple[str, str, Path]]:
    """``(title, alternative text, file)`` of every plot that there is something to show in."""
    scores = out / "scores.png"
    shown = {
        f"{one['label']} ({one['rows']})": {n: c for n, c in one["columns"].items() if c["n"]}
        for one in metrics["sets"].values()
        if one["rows"]
    }
    plots.plot_scores(shown, metrics["labels"], scores)
    images = [("Scores", "exact and structural match by column, with intervals", scores)]
    images += _groups(out, metrics)
    images += _confidence(out, metrics)
    if any(quant["n"] for quant in metrics["latency"].values()):
        plots.plot_latency(metrics["latency"], out / "latency.png")
        text = "latency and file size by quantization"
        images.append(("Latency and size", text, out / "latency.png"))
    for asset, title in (("sft_adapter", "SFT"), ("dpo_model", "DPO")):
        target = out / f"loss_{title.lower()}.png"
        if _loss_curves(inputs[asset], target):
            images.append((f"{title} training", f"loss curves of {title}", target))
    return images


def _groups(out: Path, metrics: Mapping[str, Any]) -> list[tuple[str, str, Path]]:
    """Where the main column does well and badly, on the human rows where there are any."""
    main = main_column(metrics)
    one = next((one for one in metrics["sets"].values() if one["rows"]), None)
    if one is None or not one["columns"][main]["n"]:
        return []
    scores = one["columns"][main]
    names = {"clarification": "question due"}
    groups = [
        *(
            (names.get(key, f"{key} option{'' if key == '1' else 's'}"), group)
            for key, group in scores["by_options"].items()
        ),
        *((key.replace("_", " "), g) for key, g in scores["clarification_by_case"].items()),
        *((f"tag: {key}", group) for key, group in scores["by_tag"].items()),
    ]
    title = f"{metrics['labels'][main]}, {one['label']}"
    plots.plot_groups(groups, title, out / "groups.png")
    return [("Where it does well and badly", "exact match by kind of row", out / "groups.png")]


def _confidence(out: Path, metrics: Mapping[str, Any]) -> list[tuple[str, str, Path]]:
    main = main_column(metrics)
    images = []
    for name, one in metrics["sets"].items():
        found = one["columns"][main]["confidence"] if one["rows"] else {"n": 0}
        if found["n"]:
            file = out / f"confidence_{name}.png"
            plots.plot_confidence(found, f"{metrics['labels'][main]}, {one['label']}", file)
            images.append(
                (
                    f"Does the confidence hold? ({one['label']})",
                    "reliability diagram and risk-coverage curve",
                    file,
                )
            )
    return images


def _loss_curves(artifact: Path, target: Path) -> bool:
    """The curves that training left, else drawn from its log history."""
    if (artifact / "curves.png").is_file():
        shutil.copyfile(artifact / "curves.png", target)
        return _has_history(artifact)
    if not _has_history(artifact):
        return False
    from clitron_dagster.evaluate.columns import training_metrics
    from clitron_dagster.train.run_trainer import plot_curves

    plot_curves(training_metrics(artifact)["log_history"], target)
    return True


def _has_history(artifact: Path) -> bool:
    from clitron_dagster.evaluate.columns import training_metrics

    history = training_metrics(artifact).get("log_history")
    return isinstance(history, list) and any("loss" in entry for entry in history)


# -- filters --------------------------------------------------------------------------------------


def percent(score: Mapping[str, Any]) -> str:
    """``83.2 %``, or a dash where n is 0."""
    return "–" if score["value"] is None else f"{100 * score['value']:.1f} %"


def interval(score: Mapping[str, Any]) -> str:
    """``78.1–87.3, n=334``."""
    if score["value"] is None:
        return "n=0"
    return f"{100 * score['low']:.1f}–{100 * score['high']:.1f}, n={score['n']}"


def _number(score: Any) -> str:
    """``0.083 (0.051–0.122)``, ``0.812``, or a dash."""
    if score is None:
        return "–"
    if isinstance(score, Mapping):
        return f"{score['value']:.3f} ({score['low']:.3f}–{score['high']:.3f})"
    return f"{score:.3f}"


def _mib(size: int) -> str:
    return f"{size / 2**20:.1f} MiB"


def _ms(value: float | None) -> str:
    return "–" if value is None else f"{value:.0f} ms"


def _p(value: float) -> str:
    return "< 0.001" if value < 0.001 else f"{value:.3f}"


def _inline(file: Path) -> str:
    return "data:image/png;base64," + base64.b64encode(file.read_bytes()).decode()


def _cell(text: Any) -> str:
    """Text that is safe inside a Markdown table."""
    return " ".join(str(text).replace("|", "\\|").replace("`", "'").split())
