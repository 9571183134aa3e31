"""Rules that one row must keep, each with the words that say how it does not.

The first four are those of the specification: valid JSON, a command of the schema, arguments of the
right type, all required ones (or a clarification). Then: every value is given by the request, and
the answer survives argv.
"""

from __future__ import annotations

import re
from dataclasses import dataclass, field, replace

from clitron_dagster.answer import (
    CLARIFICATION_CONFIDENCE,
    COMMAND_CONFIDENCE,
    Answer,
    canonical,
    normalize,
    problems,
    same_answer,
)
from clitron_dagster.argv import ArgvError, from_argv, to_argv
from clitron_dagster.evaluate.rows import CLARIFICATION_CASES
from clitron_dagster.prompt import RequestError, messages
from clitron_dagster.schema import Schema, Unit
from clitron_dagster.validate.rows import WRITTEN, Row, strict_json
from clitron_dagster.validate.values import Evidence, Implied, unsupported

ROW_RULES = (
    "request", "json_validity", "schema_compliance", "arg_types", "required_args",
    "value_support", "argv_round_trip",
)  # fmt: skip
KINDS = ("command", *(f"clarification:{case}" for case in CLARIFICATION_CASES))


@dataclass(frozen=True)
class Checked:
    """A row with its output in canonical form, the parsed answer, and ``rule → fault``."""

    row: Row
    answer: Answer = field(default_factory=dict)
    faults: dict[str, str] = field(default_factory=dict)


def check_row(schema: Schema, row: Row, implied: Implied) -> Checked:
    """Judge one row. Of a row with faults the output is left as it is."""
    try:
        messages(schema, row.instruction, row.context)
    except RequestError as error:
        return Checked(row, faults={"request": str(error)})
    try:
        parsed = strict_json(row.output)
    except (ValueError, RecursionError) as error:
        return Checked(row, faults={"json_validity": f"the output is not JSON ({error})"})
    answer = _canonical_form(schema, parsed)
    faults = _answer_faults(schema, row, answer)
    if not faults:
        faults = _command_faults(schema, row, answer, implied)
    if faults:
        return Checked(row, faults=faults)
    return Checked(replace(row, output=canonical(answer)), answer)


def _canonical_form(schema: Schema, parsed: object) -> Answer:
    answer: Answer = normalize(schema, parsed)
    if isinstance(answer, dict):
        asks = answer.get("type") == "clarification"
        answer["confidence"] = CLARIFICATION_CONFIDENCE if asks else COMMAND_CONFIDENCE
    return answer


def _answer_faults(schema: Schema, row: Row, answer: Answer) -> dict[str, str]:
    faults: dict[str, str] = {}
    found = problems(schema, answer)
    unit = None if found and not isinstance(answer, dict) else command_unit(schema, answer)
    for problem in found:
        faults.setdefault(_rule_of(problem, unit), problem)
    if found:
        return faults
    if row.kind not in KINDS:
        return {"schema_compliance": f"kind `{row.kind}` is none of {', '.join(KINDS)}"}
    if (row.kind == "command") != (unit is not None):
        return {"schema_compliance": f"kind is `{row.kind}`, but the answer a {answer['type']}"}
    if unit and row.unit != unit.key:
        return {"schema_compliance": f"the row is of `{row.unit}`, but answers with `{unit.key}`"}
    if not unit and row.unit and row.unit not in {u.key for u in schema.units}:
        return {"schema_compliance": f"there is no unit `{row.unit}`"}
    return {}


def command_unit(schema: Schema, answer: Answer) -> Unit | None:
    """The unit that a command answer runs, if there is one."""
    command, subcommand = answer.get("command"), answer.get("subcommand")
    if answer.get("type") != "command" or not isinstance(command, str):
        return None
    return schema.unit(command, subcommand if isinstance(subcommand, str) else None)


def _rule_of(problem: str, unit: Unit | None) -> str:
    """Which rule a fault found by :func:`problems` breaks, by its wording (pinned by a test)."""
    if unit and re.fullmatch(rf"`{re.escape(unit.key)}` needs `[^`]+`", problem):
        return "required_args"
    name = re.match(r"`([^`]+)` is ", problem)
    return "arg_types" if unit and name and unit.arg(name[1]) else "schema_compliance"


def _command_faults(schema: Schema, row: Row, answer: Answer, implied: Implied) -> dict[str, str]:
    unit = command_unit(schema, answer)
    if unit is None:
        return {}
    if row.source not in WRITTEN:  # who wrote it knows what a request implies
        evidence = Evidence(schema, row.instruction, row.context)
        for name, value in unsupported(unit, answer["args"], evidence, implied):
            text = f"unsupported value: `{name}` is {value!r}, which the request does not give"
            return {"value_support": text}
    try:
        argv = to_argv(schema, answer)
        back = from_argv(schema, argv or [])
    except ArgvError as error:
        return {"argv_round_trip": f"its argv cannot be read back: {error}"}
    if not same_answer(back, answer):
        return {"argv_round_trip": f"its argv reads back as {canonical(back)}"}
    return {}
