"""Generate for one schema: ``python -m clitron_dagster.generate schemas/git.yaml --out DIR``."""

from __future__ import annotations

import argparse
import json
from pathlib import Path

from clitron_dagster.generate.config import RawExamplesConfig
from clitron_dagster.generate.raw_examples import run
from clitron_dagster.schema import load_schema
from clitron_dagster.stage import Job


def main() -> None:
    parser = argparse.ArgumentParser(prog="python -m clitron_dagster.generate")
    parser.add_argument("schema", type=Path)
    parser.add_argument("--out", type=Path, required=True)
    parser.add_argument("--num-examples", type=int, default=3000)
    parser.add_argument("--seed", type=int, default=17)
    options = parser.parse_args()
    config = RawExamplesConfig(num_examples=options.num_examples, seed=options.seed)
    options.out.mkdir(parents=True, exist_ok=True)
    schema = load_schema(options.schema)
    work = options.out / "work"
    job = Job(schema, options.schema, config, {}, options.out, work, log=lambda _: None)
    print(json.dumps(run(job), indent=1))


if __name__ == "__main__":
    main()
