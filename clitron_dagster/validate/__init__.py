"""validated_dataset: keep the rows that are right, new and varied; say of each other why not.

Reads   raw_examples/examples.jsonl, and beside the schema, where they exist:
        ``<cli>.examples.jsonl`` (curated: the author's own rows, which must all pass) and
        ``<cli>.eval.jsonl`` and ``<cli>.calibration.jsonl`` (only to keep their requests out of
        training); and of the store
        ``<cli>/feedback.jsonl`` (what users told, see ``feedback.py``; of these one that does not
        hold is left out and named).
Writes  dataset.jsonl and dataset.parquet (the same rows, in the order of their ids),
        rejects.jsonl (each row with ``rule`` and ``reason``), report.json (counts).
Alone   python -m clitron_dagster.validate schemas/git.yaml RAW_EXAMPLES_FOLDER OUT_FOLDER
"""

from __future__ import annotations

import json
from collections import Counter, defaultdict
from pathlib import Path
from typing import Any

from pydantic import Field

from clitron_dagster.errors import ClitronError
from clitron_dagster.schema import Schema
from clitron_dagster.stage import Job, Metrics, StageConfig
from clitron_dagster.validate.dataset_rules import (
    SET_RULES,
    contaminated,
    contradictions,
    diversity,
    duplicates,
)
from clitron_dagster.validate.feedback import feedback_rows, remedy
from clitron_dagster.validate.rows import (
    FEEDBACK,
    Row,
    calibration_file,
    curated_file,
    eval_file,
    read_curated,
    read_eval_requests,
    read_rows,
    write_jsonl,
)
from clitron_dagster.validate.rules import ROW_RULES, Checked, check_row, command_unit
from clitron_dagster.validate.values import Implied, implied_values

CODE_VERSION = "1"
RULES = (*ROW_RULES, *SET_RULES)
# A row left out for these is not wrong, so it does not count against its source.
SURPLUS = ("contamination", "diversity")


class ValidatedDatasetConfig(StageConfig):
    """Settings of validated_dataset. Similarities are Jaccard over character 5-grams, 0 to 1."""

    near_duplicate: float = Field(
        default=0.85, gt=0, le=1
    )  # same answer and as alike: one row stays
    contamination: float = Field(default=0.8, gt=0, le=1)  # as alike to an evaluation request: out
    max_reject_rate: float = Field(
        default=0.25, ge=0, le=1
    )  # share of a source's rows that may be wrong
    min_distinct_2: float = Field(
        default=0.05, ge=0, le=1
    )  # floors of variety: reported, not enforced
    min_skeleton_share: float = Field(default=0.2, ge=0, le=1)


def run(job: Job[ValidatedDatasetConfig]) -> Metrics:
    """Validate the rows of one CLI.

    Raises:
        ClitronError: a file cannot be read, a curated row fails, a source has too many wrong rows,
            or no row remains.
    """
    source = job.inputs["raw_examples"] / "examples.jsonl"
    raw = read_rows(source, "raw_examples")
    curated = read_curated(job.schema, curated_file(job.schema_file))
    requests = _held_out(job)
    told = feedback_rows(job.schema, job.feedback, job.log)
    implied = implied_values(job.schema, _authored(job.schema, [*curated, *told]))
    rows = [*curated, *told, *raw]
    if not rows:
        raise ClitronError(f"{source} holds no rows; raise num_examples and generate again")

    kept, rejects = _sift(job.schema, rows, implied, requests, job.config)
    _refuse_curated(job, [(row.line, rule, why) for row, rule, why in rejects if row.line])
    _name_feedback(job, rejects)
    report = _report(rows, kept, rejects)
    report |= {"curated_rows": len(curated), "held_out_requests": len(requests)}
    report["implied_values"] = {" ".join(key): sorted(v) for key, v in sorted(implied.items())}
    report["diversity"] = _diversity(kept, job.config)
    _gate(job, report, rejects, bool(kept))

    from clitron_dagster.validate.contract import write_parquet  # pandera takes a second to import

    clean = sorted((checked.row for checked in kept), key=lambda row: row.id)
    write_jsonl(job.out / "dataset.jsonl", (row.to_json() for row in clean))
    write_parquet(job.out / "dataset.parquet", job.schema, clean)
    _write_rejects(job.out / "rejects.jsonl", rejects)
    text = json.dumps(report, indent=2, ensure_ascii=False)
    (job.out / "report.json").write_text(text + "\n", encoding="utf-8")
    rejected = Counter(rule for _, rule, _ in rejects)
    job.log(f"{len(clean)} of {len(rows)} rows kept; left out: {_counts(rejected) or 'none'}")
    wrong = sum(count for rule, count in rejected.items() if rule not in SURPLUS)
    return {
        "rows": len(clean),
        "rows_in": len(rows),
        "reject_rate": round(wrong / len(rows), 4),
        "rejected": {rule: rejected[rule] for rule in RULES if rejected[rule]},
        "near_duplicates": rejected["diversity"],
        "contaminated": rejected["contamination"],
        "curated": len(curated),
        "feedback": sum(item.row.source == FEEDBACK for item in kept),
        **report["diversity"],
    }


Reject = tuple[Row, str, str]  # row, rule, reason


def _sift(
    schema: Schema,
    rows: list[Row],
    implied: Implied,
    requests: list[tuple[str, str]],
    config: ValidatedDatasetConfig,
) -> tuple[list[Checked], list[Reject]]:
    """Rows that keep all rules, and the others with the first rule that they break."""
    from clitron_dagster.validate.contract import broken_rules  # pandera takes a second to import

    checked = [check_row(schema, row, implied) for row in rows]
    rejects: list[Reject] = []

    def drop(rules: tuple[str, ...], faults: list[dict[str, str]]) -> None:
        broken = broken_rules(rules, faults)
        rejects.extend((checked[i].row, *why) for i, why in sorted(broken.items()))
        checked[:] = [item for i, item in enumerate(checked) if i not in broken]

    drop(ROW_RULES, [item.faults for item in checked])
    together = {
        "contradiction": contradictions(schema, checked),
        "contamination": contaminated(checked, requests, config.contamination),
    }
    drop(SET_RULES, _by_row(together, len(checked)))
    repeated = {"diversity": duplicates(schema, checked, config.near_duplicate)}
    drop(SET_RULES, _by_row(repeated, len(checked)))
    return checked, rejects


def _by_row(faults: dict[str, dict[int, str]], rows: int) -> list[dict[str, str]]:
    return [
        {rule: found[index] for rule, found in faults.items() if index in found}
        for index in range(rows)
    ]


def _held_out(job: Job[ValidatedDatasetConfig]) -> list[tuple[str, str]]:
    """``(place, request)`` of what must not be trained on."""
    judged = read_eval_requests(eval_file(job.schema_file))
    calibrated = read_curated(job.schema, calibration_file(job.schema_file))
    return [
        *((f"line {line} of the evaluation", text) for line, text in judged),
        *((f"line {row.line} of the calibration", row.instruction) for row in calibrated),
    ]


def _authored(schema: Schema, written: list[Row]) -> list[tuple[Any, Any, Any, Any]]:
    """``(unit, args, request, context)`` of the legal commands among rows that people wrote."""
    authored = []
    for row in written:
        item = check_row(schema, row, {})
        unit = None if item.faults else command_unit(schema, item.answer)
        if unit:
            authored.append((unit, item.answer["args"], row.instruction, row.context))
    return authored


def _refuse_curated(job: Job[ValidatedDatasetConfig], faults: list[tuple[int, str, str]]) -> None:
    """Raise for the author's rows that fail; an equal one that stands twice is only left out."""
    file = curated_file(job.schema_file)
    units = {unit.key: unit for unit in job.schema.units}
    texts = []
    for line, rule, reason in sorted(faults):
        if rule == "diversity":
            job.log(f"{file}:{line}: {reason}; left out")
            continue
        named = units.get(reason.split("`")[1]) if reason.startswith("`") else None
        known = ""
        if named and rule == "schema_compliance":
            args = ", ".join(arg.name for arg in named.args) or "none"
            flags = ", ".join(flag.name for flag in named.flags) or "none"
            known = f"; its args: {args}; its flags: {flags}"
        texts.append(f"{file}:{line}: {rule}: {reason}{known}; mend that line, or remove it")
    if texts:
        raise ClitronError("\n".join(texts))


def _name_feedback(job: Job[ValidatedDatasetConfig], rejects: list[Reject]) -> None:
    """Say which feedback is left out: nobody looks for it in a file of rejects."""
    for row, rule, reason in rejects:
        if row.source == FEEDBACK:
            id = row.group.removeprefix(f"{FEEDBACK}:")
            job.log(f"feedback {id} is left out: {rule}: {reason}; {remedy(job.cli, id)}")


def _report(rows: list[Row], kept: list[Checked], rejects: list[Reject]) -> dict[str, Any]:
    """Counts of rows in, kept, and rejected by rule; in all and by source, kind and unit."""

    def count(of: Any) -> dict[str, Any]:
        tables: dict[str, dict[str, Any]] = defaultdict(
            lambda: {"in": 0, "kept": 0, "rejected": {}}
        )
        for row in rows:
            tables[of(row)]["in"] += 1
        for item in kept:
            tables[of(item.row)]["kept"] += 1
        for row, rule, _ in rejects:
            rejected = tables[of(row)]["rejected"]
            rejected[rule] = rejected.get(rule, 0) + 1
        return {key: tables[key] for key in sorted(tables)}

    report: dict[str, Any] = {"rows": count(lambda _: "all")["all"]}
    for name in ("source", "kind", "unit"):
        report[f"by_{name}"] = count(lambda row, name=name: getattr(row, name))
    return report


def _diversity(kept: list[Checked], config: ValidatedDatasetConfig) -> dict[str, Any]:
    measured = diversity(kept)
    ok = (
        measured["distinct_2"] >= config.min_distinct_2
        and measured["skeleton_share"] >= config.min_skeleton_share
    )
    return {**measured, "diversity_ok": ok}


def _gate(
    job: Job[ValidatedDatasetConfig], report: dict[str, Any], rejects: list[Reject], any_kept: bool
) -> None:
    faults = []
    for source, table in report["by_source"].items():
        if source == FEEDBACK:  # one that does not hold is no sign of a fault in others
            continue
        wrong = {rule: n for rule, n in table["rejected"].items() if rule not in SURPLUS}
        count, limit = sum(wrong.values()), job.config.max_reject_rate
        rate = count / table["in"]
        if rate > limit:
            most = (source, max(wrong, key=lambda rule: wrong[rule]))
            row, reason = next((r, why) for r, rule, why in rejects if (r.source, rule) == most)
            faults.append(
                f"{count} of {table['in']} rows from `{source}` are wrong ({rate:.0%}, at most"
                f" {limit:.0%}): {_counts(wrong)}; such as {row.instruction!r}: {reason}"
            )
    if not any_kept:
        faults.append(f"no row remains of {len(rejects)}")
    if not faults:
        return
    job.work.mkdir(parents=True, exist_ok=True)
    file = job.work / "rejects.jsonl"
    _write_rejects(file, rejects)
    remedy = "mend what writes them" + (", or raise max_reject_rate" if any_kept else "")
    raise ClitronError("\n".join([*faults, f"every rejected row is in {file}; {remedy}"]))


def _counts(rejected: dict[str, int]) -> str:
    return ", ".join(f"{rule} {rejected[rule]}" for rule in RULES if rejected.get(rule))


def _write_rejects(file: Path, rejects: list[Reject]) -> None:
    ordered = sorted(rejects, key=lambda reject: (RULES.index(reject[1]), reject[0].id))
    write_jsonl(
        file, ({**row.to_json(), "rule": rule, "reason": reason} for row, rule, reason in ordered)
    )
