"""The trained model of a CLI: which GGUF file, and answers from it."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any

from clitron_dagster.errors import ClitronError

if TYPE_CHECKING:
    from clitron_dagster.schema import Schema
    from clitron_dagster.settings import Settings

DEFAULT_QUANT = "q8_0"


class NoModelError(ClitronError):
    """There is no model file to answer with."""


def find_model(
    settings: Settings, cli: str, model: Path | None = None, quant: str | None = None
) -> Path:
    """The GGUF file to answer with: the given one, else the quant given, recommended, or q8_0.

    Raises:
        NoModelError: nothing was trained, the file is damaged, or there is no such quant.
    """
    if model is not None:
        if quant is not None:
            raise NoModelError("give --model or --quant, not both")
        return model
    store = settings.store
    artifact = store.current(cli, "gguf_model")
    if artifact is None:
        raise NoModelError(f"there is no model of `{cli}` yet; train it first: clitron train {cli}")
    damage = store.damage(artifact)
    if damage:
        raise NoModelError(
            f"the model of `{cli}` is damaged: {damage}; make it again: clitron train {cli}"
        )
    prefix = f"clitron-{cli}-"
    files = {
        Path(name).stem.removeprefix(prefix): name
        for name in sorted(artifact.manifest.files)
        if name.endswith(".gguf")
    }
    wanted = (quant or recommended_quant(settings, cli) or DEFAULT_QUANT).lower()
    if wanted not in files:
        if quant is not None or not files:
            raise NoModelError(
                f"the model of `{cli}` has no quant {wanted}, only {', '.join(files) or 'none'}; "
                f"make it: clitron train {cli} --quant {wanted}"
            )
        wanted = next(iter(files))
    return artifact.local() / files[wanted]


def recommended_quant(settings: Settings, cli: str) -> str | None:
    """What the report of the current model recommends."""
    report = settings.store.current(cli, "eval_report")
    model = settings.store.current(cli, "gguf_model")
    if report is None or model is None:
        return None
    if report.manifest.inputs.get("gguf_model") != model.manifest.data_version:
        return None  # a report on another model
    quant = report.manifest.metrics.get("recommended_quant")
    return quant if isinstance(quant, str) else None


class Model:
    """A loaded GGUF that answers rows (see ``inference/predict.py``), one at a time.

    Raises:
        ModelFileError: the file is missing, damaged, or made for another CLI.
    """

    def __init__(self, schema: Schema, file: Path, *, constrained: bool = True) -> None:
        from clitron_dagster.inference.engine import Engine
        from clitron_dagster.inference.predict import warnings_of

        self.schema, self.file, self.constrained = schema, file, constrained
        self.engine = Engine(file)
        try:
            self.warnings = warnings_of(schema, self.engine)
        except BaseException:
            self.engine.close()
            raise

    def answer(self, rows: Iterable[dict[str, Any]]) -> Iterator[dict[str, Any]]:
        """Each row with ``response``, ``argv``, ``confidence``, ``latency_ms``, maybe ``error``."""
        from clitron_dagster.inference.predict import predict_rows

        return predict_rows(self.engine, self.schema, rows, constrained=self.constrained)

    def ask(self, request: str, context: dict[str, Any] | None) -> dict[str, Any]:
        """One answered row.

        Raises:
            ClitronError: the row failed.
        """
        row = next(self.answer([{"id": None, "nl": request, "context": context}]))
        if row.get("error"):
            raise ClitronError(f"no answer: {row['error']}")
        return row

    def __enter__(self) -> Model:
        return self

    def __exit__(self, *_: object) -> None:
        self.engine.close()
