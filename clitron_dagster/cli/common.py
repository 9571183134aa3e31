"""What several commands share: options that change settings, stage names, numbers for people."""

from __future__ import annotations

import difflib
import unicodedata
from collections.abc import Callable, Sequence
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from clitron_dagster.store import now

if TYPE_CHECKING:
    from clitron_dagster.settings import Settings

ALIASES = {
    "generate": "raw_examples", "examples": "raw_examples",
    "validate": "validated_dataset", "dataset": "validated_dataset",
    "split": "splits",
    "sft": "sft_adapter",
    "preferences": "preference_pairs", "pairs": "preference_pairs",
    "dpo": "dpo_model",
    "quantize": "gguf_model", "gguf": "gguf_model",
    "eval": "eval_report", "report": "eval_report",
}  # fmt: skip
SHORT_NAMES = "generate, validate, split, sft, preferences, dpo, quantize, eval"


class StageName(click.ParamType[str]):
    """A stage by its asset's name or a short one."""

    name = "stage"

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> str:
        from clitron_dagster.stages import STAGE_NAMES

        word = str(value).strip().lower().replace("-", "_")
        if word in STAGE_NAMES:
            return word
        if word in ALIASES:
            return ALIASES[word]
        close = difflib.get_close_matches(word, [*STAGE_NAMES, *ALIASES], n=1)
        hint = f"did you mean `{close[0]}`?" if close else f"there are: {SHORT_NAMES}"
        self.fail(f"there is no stage `{value}`; {hint}", param, ctx)


class Setting(click.ParamType[tuple[str, Any]]):
    """``asset.key=value`` or ``key=value``; the value is read as YAML."""

    name = "key=value"

    def convert(
        self, value: Any, param: click.Parameter | None, ctx: click.Context | None
    ) -> tuple[str, Any]:
        import yaml

        if isinstance(value, tuple):
            return value
        key, equals, text = str(value).partition("=")
        stage, dot, name = key.strip().rpartition(".")
        if not equals or not name:
            self.fail(f"`{value}` is not of the form asset.key=value", param, ctx)
        try:
            parsed = yaml.safe_load(text)
        except yaml.YAMLError:
            parsed = text
        if not dot:
            return name, parsed
        return f"{StageName().convert(stage, param, ctx)}.{name}", parsed


def run_options(command: Callable[..., Any]) -> Callable[..., Any]:
    """The options that decide what a run would make; ``train`` and ``status`` share them."""
    options = [
        click.option(
            "--num", type=click.IntRange(min=1), metavar="N", help="Examples to generate."
        ),
        click.option(
            "--quant", "quants", multiple=True, metavar="Q",
            help="Quantization of the GGUF (q8_0, q4_k_m, …); may be repeated.",
        ),
        click.option(
            "--profile", metavar="NAME",
            help="quick (minutes on two CPU cores, the default), full, gpu, or tiny (for tests).",
        ),
        click.option(
            "--base-model", metavar="MODEL",
            help="Base model: a folder, a Hugging Face id, clitron-135m or smollm2-135m (built in).",
        ),
        click.option("--seed", type=int, metavar="N", help="Seed of every stage that has one."),
        click.option(
            "--set", "assignments", multiple=True, type=Setting(), metavar="ASSET.KEY=VALUE",
            help="Any other setting, such as sft.epochs=2; may be repeated.",
        ),
    ]  # fmt: skip
    for option in reversed(options):
        command = option(command)
    return command


def overrides(
    num: int | None = None,
    quants: Sequence[str] = (),
    base_model: str | None = None,
    seed: int | None = None,
    assignments: Sequence[tuple[str, Any]] = (),
) -> dict[str, Any]:
    """The shared options in the form that :class:`Settings` takes."""
    given: dict[str, Any] = {}
    if num is not None:
        given["num_examples"] = num
    if quants:
        given["quants"] = list(dict.fromkeys(quant.lower() for quant in quants))
    if base_model is not None:
        folder = Path(base_model).expanduser()
        is_path = folder.is_dir() and folder.name != base_model
        given["base_model"] = str(folder.resolve()) if is_path else base_model
    if seed is not None:
        given["seed"] = seed
    for key, value in assignments:
        stage, dot, name = key.rpartition(".")
        target = given.setdefault(stage, {}) if dot else given
        target[name] = value
    return given


def make_settings(profile: str | None = None, given: dict[str, Any] | None = None) -> Settings:
    """Settings of this process, with a run's overrides."""
    from clitron_dagster.settings import Settings

    values: dict[str, Any] = {"overrides": given or {}}
    if profile:
        values["profile"] = profile
    return Settings(**values)


def size(count: float) -> str:
    """Bytes for people: ``512 B``, ``98.9 MiB``."""
    unit = "B"
    for unit in ("B", "KiB", "MiB", "GiB", "TiB"):
        if count < 1024 or unit == "TiB":
            break
        count /= 1024
    return f"{count:.0f} B" if unit == "B" else f"{count:.1f} {unit}"


def age(when: str) -> str:
    """How long ago an ISO time was: ``40 s``, ``12 min``, ``5 h``, ``3 d``."""
    try:
        seconds = max(0.0, (now() - datetime.fromisoformat(when)).total_seconds())
    except (ValueError, TypeError):
        return "?"
    for limit, divisor, unit in ((90, 1, "s"), (5400, 60, "min"), (172_800, 3600, "h")):
        if seconds < limit:
            return f"{seconds / divisor:.0f} {unit}"
    return f"{seconds / 86_400:.0f} d"


def visible(text: str) -> str:
    """Text for a terminal: control and direction characters, but for line breaks, spelled out."""
    return "".join(
        character
        if character in "\n\t" or unicodedata.category(character) not in ("Cc", "Cf", "Cs")
        else character.encode("unicode_escape").decode()
        for character in text
    )


def percent(share: float | None) -> str:
    return "–" if share is None else f"{share:.1%}"
