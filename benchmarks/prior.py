"""What the structure prior brings: ``python benchmarks/prior.py git [--human] [--rows N]``.

The rows of ``schemas/<cli>.calibration.jsonl``, or the human-phrased ones, neither ever trained on,
answered by the same GGUF under the same grammar with the model alone and with the prior's vote. Prints
exact match with 95 % intervals and McNemar's exact test over the rows on which they differ.
"""

from __future__ import annotations

import argparse
import json
from pathlib import Path

from clitron_dagster.answer import canonical
from clitron_dagster.cli.model import find_model
from clitron_dagster.evaluate.human_rows import load_human_rows
from clitron_dagster.evaluate.metrics import Proportion, mcnemar_exact, score_row
from clitron_dagster.evaluate.predictions import shuffled
from clitron_dagster.export.calibrate import calibration_rows
from clitron_dagster.inference.engine import Engine
from clitron_dagster.inference.predict import Predictor
from clitron_dagster.settings import Settings
from clitron_dagster.validate.rows import eval_file


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("cli")
    parser.add_argument("--human", action="store_true")
    parser.add_argument("--rows", type=int, default=200)
    parser.add_argument("--model", type=Path)
    options = parser.parse_args()
    settings = Settings()
    schema = settings.load(options.cli)
    file = settings.schema_file(options.cli)
    if options.human:
        rows, _ = load_human_rows(schema, eval_file(file))
        rows = shuffled(rows)[: options.rows]
    else:
        rows, _ = calibration_rows(schema, file, Path("no validation rows"), options.rows)
    asked = [{"id": row.id, "nl": row.request, "context": row.context} for row in rows]
    right: dict[bool, list[bool]] = {}
    with Engine(find_model(settings, options.cli, options.model), parallel=8) as engine:
        for prior in (False, True):
            predictor = Predictor(engine, schema, prior=prior)
            right[prior] = [
                score_row(schema, row, canonical(answer["response"] or {})).exact
                for row, (answer, _) in zip(rows, predictor.answer(asked), strict=True)
            ]
    table = {
        "rows": len(rows),
        "model alone": Proportion(sum(right[False]), len(rows)).as_dict(),
        "with the prior": Proportion(sum(right[True]), len(rows)).as_dict(),
        "mcnemar": mcnemar_exact(right[False], right[True]),
    }
    print(json.dumps(table, indent=1, ensure_ascii=False))


if __name__ == "__main__":
    main()
