"""The report's plots. Each function writes one PNG."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from matplotlib.axes import Axes
from matplotlib.figure import Figure

_EXACT, _STRUCTURAL, _GREY = "#1f5fa8", "#e08a1e", "#8a8f98"
_QUANT_COLOURS = ("#1f5fa8", "#e08a1e", "#3c8d5a", "#a8435f", "#6b5ca5", "#8a8f98")


def plot_scores(sets: Mapping[str, Any], labels: Mapping[str, str], file: Path) -> None:
    """Exact and structural match with intervals, one panel for each row set that has rows.

    ``sets`` maps a panel's title to ``{column: scores}``.
    """
    shown = {title: columns for title, columns in sets.items() if columns}
    rows = max((len(columns) for columns in shown.values()), default=1)
    figure = Figure(figsize=(5.2 * max(len(shown), 1) + 1, 0.52 * rows + 1.5), layout="constrained")
    axes = figure.subplots(1, max(len(shown), 1), squeeze=False, sharex=True)[0]
    for axis, (title, columns) in zip(axes, shown.items(), strict=False):
        _score_panel(axis, title, columns, labels)
    handles, names = axes[0].get_legend_handles_labels()
    if handles:
        figure.legend(handles, names, loc="outside lower center", ncols=2, frameon=False)
    figure.savefig(file, dpi=130)


def _score_panel(
    axis: Axes, title: str, columns: Mapping[str, Any], labels: Mapping[str, str]
) -> None:
    names = list(columns)
    for key, colour, shift in (("exact", _EXACT, -0.14), ("structural", _STRUCTURAL, 0.14)):
        for index, name in enumerate(names):
            score = columns[name][key]
            if score["value"] is None:
                continue
            middle, low, high = (100 * score[part] for part in ("value", "low", "high"))
            axis.errorbar(
                middle,
                index + shift,
                xerr=[[middle - low], [high - middle]],
                fmt="o",
                color=colour,
                markersize=6,
                linewidth=1.8,
                capsize=3,
                label=f"{key} match" if index == 0 else None,
            )
    ticks = [f"{labels.get(name, name)}\nn = {columns[name]['n']}" for name in names]
    axis.set_yticks(range(len(names)), ticks, fontsize=9)
    axis.set_ylim(len(names) - 0.5, -0.5)
    axis.set_xlim(-3, 103)
    axis.set_xlabel("rows, % (with 95 % Wilson interval)", fontsize=9)
    axis.set_title(title, fontsize=11)
    _clean(axis, grid="x")


def plot_latency(quants: Mapping[str, Any], file: Path) -> None:
    """Left, the share of requests answered within a time; right, sizes of the files."""
    figure = Figure(figsize=(10, 3.4), layout="constrained")
    left, right = figure.subplots(1, 2, width_ratios=[3, 2])
    for (name, found), colour in zip(quants.items(), _QUANT_COLOURS * 4, strict=False):
        times = sorted(found["times_ms"])
        if not times:
            continue
        shares = [100 * (index + 1) / len(times) for index in range(len(times))]
        label = f"{name}: p50 {found['p50_ms']:.0f} ms, p99 {found['p99_ms']:.0f} ms"
        left.step([times[0], *times], [0, *shares], where="post", color=colour, label=label)
    left.set_xlabel("latency of one request, warm (ms)", fontsize=9)
    left.set_ylabel("requests answered, %", fontsize=9)
    left.set_xlim(left=0)
    left.set_ylim(0, 101)
    if left.get_legend_handles_labels()[0]:
        left.legend(fontsize=9, framealpha=0.9, edgecolor="none", loc="upper left")
    _clean(left, grid="both")
    names = list(quants)
    sizes = [quants[name]["size_bytes"] / 2**20 for name in names]
    bars = right.barh(names, sizes, color=_QUANT_COLOURS[: len(names)] or _GREY, height=0.55)
    right.bar_label(bars, [f" {size:.0f} MiB" for size in sizes], fontsize=9)
    right.invert_yaxis()
    right.set_xlim(0, max(sizes, default=1) * 1.25)
    right.set_xlabel("file size (MiB)", fontsize=9)
    _clean(right, grid="x")
    figure.savefig(file, dpi=130)


def plot_groups(groups: Sequence[tuple[str, Mapping[str, Any]]], title: str, file: Path) -> None:
    """Exact match of one column by group, with intervals; ``groups`` are (name, scores)."""
    figure = Figure(figsize=(7, 0.36 * len(groups) + 1.3), layout="constrained")
    axis = figure.subplots()
    for index, (_, group) in enumerate(groups):
        score = group["exact"]
        middle, low, high = (100 * (score[part] or 0) for part in ("value", "low", "high"))
        axis.barh(index, middle, color=_EXACT, alpha=0.75, height=0.6)
        axis.plot([low, high], [index, index], color="#222222", linewidth=1.4)
    ticks = [f"{name} (n = {group['exact']['n']})" for name, group in groups]
    axis.set_yticks(range(len(groups)), ticks, fontsize=9)
    axis.set_ylim(len(groups) - 0.5, -0.5)
    axis.set_xlim(0, 101)
    axis.set_xlabel("exact match, % (line: 95 % Wilson interval)", fontsize=9)
    axis.set_title(title, fontsize=11)
    _clean(axis, grid="x")
    figure.savefig(file, dpi=130)


def plot_confidence(found: Mapping[str, Any], title: str, file: Path) -> None:
    """Left, the reliability diagram; right, the risk–coverage curve (``confidence_scores``)."""
    figure = Figure(figsize=(10, 3.8), layout="constrained")
    left, right = figure.subplots(1, 2)
    bins = found["reliability"]
    left.plot([0, 100], [0, 100], color=_GREY, linewidth=1, linestyle="--")
    left.plot(
        [100 * one["confidence"] for one in bins],
        [100 * one["accuracy"] for one in bins],
        color=_EXACT,
        linewidth=1.2,
    )
    left.scatter(
        [100 * one["confidence"] for one in bins],
        [100 * one["accuracy"] for one in bins],
        s=[18 + 260 * one["n"] / found["n"] for one in bins],  # area by number of answers
        color=_EXACT,
        alpha=0.75,
    )
    left.set_xlabel("confidence, %", fontsize=9)
    left.set_ylabel("exact match, %", fontsize=9)
    left.set_xlim(-2, 102)
    left.set_ylim(-2, 102)
    left.set_title(f"{title}: reliability (n = {found['n']})", fontsize=10)
    curve = found["risk_coverage"]
    right.step(
        [0, *(100 * point["coverage"] for point in curve)],
        [100 * curve[0]["risk"], *(100 * point["risk"] for point in curve)],
        where="pre",
        color=_STRUCTURAL,
    )
    right.axhline(5, color=_GREY, linewidth=1, linestyle="--")
    right.set_xlabel("requests answered, the surest first, %", fontsize=9)
    right.set_ylabel("wrong ones among them, %", fontsize=9)
    right.set_xlim(0, 101)
    right.set_ylim(-2, 102)
    right.set_title("risk and coverage", fontsize=10)
    for axis in (left, right):
        _clean(axis, grid="both")
    figure.savefig(file, dpi=130)


def _clean(axis: Axes, grid: Any) -> None:
    axis.spines[["top", "right"]].set_visible(False)
    axis.grid(axis=grid, alpha=0.25)
    axis.set_axisbelow(True)
    axis.tick_params(labelsize=9)
