"""Run validated_dataset alone: ``python -m clitron_dagster.validate SCHEMA RAW_FOLDER OUT``."""

import json
import sys
from pathlib import Path

from clitron_dagster.errors import ClitronError
from clitron_dagster.schema import load_schema
from clitron_dagster.stage import Job
from clitron_dagster.validate import ValidatedDatasetConfig, run

if len(sys.argv) != 4:
    sys.exit(__doc__)
schema_file, raw, out = map(Path, sys.argv[1:])
out.mkdir(parents=True, exist_ok=True)
try:
    schema = load_schema(schema_file)
    job = Job(
        schema, schema_file, ValidatedDatasetConfig(), {"raw_examples": raw}, out, out / "work"
    )
    print(json.dumps(run(job), indent=2))
except ClitronError as error:
    sys.exit(str(error))
