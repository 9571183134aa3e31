"""gguf_model: the tuned model as GGUF files, one per quantization.

Reads ``dpo_model`` (model/), ``splits`` (val.jsonl, for the parity prompts) and the rows to
calibrate on (``calibrate.py``). Writes ``clitron-<cli>-<quant>.gguf`` for f16 and each quant,
``structure_prior.safetensors`` (``fit_prior.py``), ``Modelfile``, ``README.md`` (the model card),
``parity.json`` and ``calibration.json``. The conversion is kept in the work folder until all is done.
"""

from __future__ import annotations

import json
import shutil
from pathlib import Path
from typing import Any

from clitron_dagster import calibration
from clitron_dagster.base_model import describe as describe_base
from clitron_dagster.evaluate.rows import EvalRow
from clitron_dagster.export import quantize
from clitron_dagster.export.convert import ConvertError, convert
from clitron_dagster.export.metadata import metadata
from clitron_dagster.export.model_card import model_card
from clitron_dagster.export.modelfile import modelfile
from clitron_dagster.export.parity import (
    check_drift,
    check_tokens,
    compare_answers,
    trained_answers,
)
from clitron_dagster.stage import Job, Metrics, StageConfig
from clitron_dagster.train.encode import prompt_text, read_rows

CODE_VERSION = "4"
# The pre-tokenizer that the converter must recognise, by the base model's name; a wrong one splits
# digits or spaces otherwise than training did.
PRE_TOKENIZERS = {"SmolLM2-135M-Instruct": "smollm", "tiny-random": "smollm"}


class GgufModelConfig(StageConfig):
    """Settings of the export."""

    quants: tuple[str, ...] = ("q8_0", "q4_k_m")  # beside f16, which is always made
    parity_prompts: int = 8  # prompts whose greedy answers are compared
    calibration_rows: int = 200  # answered by each quant, to fit its confidence; 0 for none
    max_new_tokens: int = 128  # of an answer to one of them


def run(job: Job[GgufModelConfig]) -> Metrics:
    """Convert, mark, quantize, and check parity with training."""
    from transformers import AutoTokenizer

    from clitron_dagster.export.calibrate import calibration_rows

    wanted = [quantize.check_quant(quant) for quant in job.config.quants]
    held_out, origin = calibration_rows(
        job.schema, job.schema_file, job.inputs["splits"] / "val.jsonl", job.config.calibration_rows
    )
    source = job.inputs["dpo_model"] / "model"
    base = describe_base(source)
    tokenizer = AutoTokenizer.from_pretrained(source)
    keys = metadata(job.schema, base) | _fit_prior(job)
    f16 = job.work / "f16.gguf"
    if not f16.exists():
        job.log("converting to f16")
        raw = job.work / "converted.gguf"
        convert(source, raw, f"clitron-{job.cli}")
        _check_pre_tokenizer(raw, base.name)
        quantize.copy_with(raw, f16, keys)
        raw.unlink()
    rows = read_rows(job.inputs["splits"] / "val.jsonl")
    prompts = [prompt_text(tokenizer, job.schema, row) for row in rows]
    compared = check_tokens(f16, tokenizer, prompts)
    asked = prompts[: job.config.parity_prompts]
    job.log(f"asking the trained model {len(asked)} requests, to compare")
    expected = trained_answers(source, asked)
    parity: dict[str, Any] = {"prompts_with_equal_tokens": compared, "answers": {}}
    files: dict[str, dict[str, Any]] = {}
    calibrations: dict[str, Any] = {"rows_are": origin}
    for quant in ("f16", *(q for q in wanted if q != "f16")):
        out = job.out / f"clitron-{job.cli}-{quant}.gguf"
        if quant == "f16":
            shutil.copyfile(f16, out)
        else:
            quantize.quantize(f16, out, quant)
        if held_out and quant in wanted:
            calibrations[quant] = _calibrate(job, out, held_out)
        files[quant] = quantize.describe(out)
        parity["answers"][quant] = compare_answers(out, asked, expected)
        same = parity["answers"][quant]
        if quant == "f16":
            check_drift(out, same["drift"])
        job.log(
            f"{out.name}: {files[quant]['bytes'] / 2**20:.0f} MiB, "
            f"{files[quant]['bits_per_weight']} bits a weight, {same['same']}/{same['of']} answers "
            "as trained"
        )
    first = wanted[0] if wanted else "f16"
    text = modelfile(job.schema, tokenizer, f"clitron-{job.cli}-{first}.gguf")
    (job.out / "Modelfile").write_text(text, encoding="utf-8")
    counts = {
        name: len(read_rows(job.inputs["splits"] / f"{file}.jsonl"))
        for name, file in (("train", "train"), ("validation", "val"), ("test", "test"))
    }
    card = model_card(job.schema, base, counts, files, parity, keys)
    (job.out / "README.md").write_text(card, encoding="utf-8")
    for name, found in (("parity", parity), ("calibration", calibrations)):
        (job.out / f"{name}.json").write_text(json.dumps(found, indent=1) + "\n", encoding="utf-8")
    return {
        "quants": files,
        "prompts_with_equal_tokens": compared,
        "answers": parity["answers"],
        "calibration": calibrations,
    }


def _fit_prior(job: Job[GgufModelConfig]) -> dict[str, str]:
    """Write the classifier beside the models; what they are to say of it."""
    from clitron_dagster.export.fit_prior import fit
    from clitron_dagster.inference import structure_prior

    kept = job.work / structure_prior.FILE
    if not kept.exists():
        rows = read_rows(job.inputs["splits"] / "train.jsonl")
        job.log(f"fitting the structure prior on {len(rows)} rows")
        prior = fit(job.schema, rows)
        if prior is None:
            return {}
        partial = job.work / "partial.safetensors"
        prior.save(partial, job.cli)
        partial.replace(kept)
    shutil.copyfile(kept, job.out / kept.name)
    return {structure_prior.KEY: structure_prior.checksum_of(kept)}


def _calibrate(job: Job[GgufModelConfig], gguf: Path, rows: list[EvalRow]) -> dict[str, Any]:
    """Fit the file's confidence and write it into the file."""
    from clitron_dagster.export.calibrate import calibrate

    job.log(f"{gguf.name}: answering {len(rows)} rows, to calibrate its confidence")
    fitted, record = calibrate(gguf, job.schema, rows, job.config.max_new_tokens)
    if fitted is None:
        job.log(f"{gguf.name}: {record['right']} of {record['rows']} right; too little to fit on")
        return record
    plain = job.work / "plain.gguf"
    gguf.replace(plain)
    quantize.copy_with(plain, gguf, {calibration.KEY: fitted.to_text()})
    plain.unlink()
    return record


def _check_pre_tokenizer(file: Path, base_name: str) -> None:
    from clitron_dagster.inference.llama import read_metadata

    found = read_metadata(file).get("tokenizer.ggml.pre", "none")
    wanted = PRE_TOKENIZERS.get(base_name)
    if wanted and found != wanted:
        raise ConvertError(
            f"the converter took pre-tokenizer `{found}`, not `{wanted}`: the tokenizer files "
            f"beside the model are not those of {base_name}"
        )
