"""What a run costs in which nothing is stale, against eight assets that do nothing.

    python benchmarks/rerun.py git [--profile quick] [--rounds 5]

Both are fresh processes that run a partitioned job of eight assets with Dagster's in-process
executor on an ephemeral instance; rounds alternate, the medians are compared. The CLI must have
been trained before. Prints the ratio; exits with 1 if it is above 2.
"""

from __future__ import annotations

import argparse
import os
import statistics
import subprocess
import sys
import time

TRIVIAL = """
import dagster as dg
partitions = dg.StaticPartitionsDefinition(["a"])
def asset(number):
    @dg.asset(name=f"a{number}", partitions_def=partitions, deps=[f"a{number - 1}"] if number else [])
    def one(): ...
    return one
assets = [asset(number) for number in range(8)]
defs = dg.Definitions(assets=assets, jobs=[dg.define_asset_job("all")],
                      executor=dg.in_process_executor)
with dg.DagsterInstance.ephemeral() as instance:
    assert defs.resolve_job_def("all").execute_in_process(partition_key="a", instance=instance).success
"""


def seconds(command: list[str]) -> float:
    started = time.perf_counter()
    environment = {k: v for k, v in os.environ.items() if k != "DAGSTER_HOME"}
    done = subprocess.run(command, capture_output=True, text=True, env=environment, check=False)
    if done.returncode:
        sys.exit(done.stderr[-2000:])
    if "clitron_dagster" in " ".join(command) and "nothing to compute" not in done.stdout:
        sys.exit(f"something was stale; train first: {done.stdout[-500:]}")
    return time.perf_counter() - started


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("cli")
    parser.add_argument("--profile", default="quick")
    parser.add_argument("--rounds", type=int, default=5)
    given = parser.parse_args()
    clitron = [sys.executable, "-m", "clitron_dagster.cli", "train", given.cli]
    commands = {
        "eight trivial assets": [sys.executable, "-c", TRIVIAL],
        "clitron train, all fresh": [*clitron, "--profile", given.profile],
    }
    times: dict[str, list[float]] = {name: [] for name in commands}
    for _ in range(given.rounds):
        for name, command in commands.items():
            times[name].append(seconds(command))
    medians = [statistics.median(times[name]) for name in commands]
    for name in commands:
        print(f"{name}: " + ", ".join(f"{value:.2f}" for value in times[name]) + " s")
    ratio = medians[1] / medians[0]
    print(f"ratio of medians: {ratio:.2f} (aim: at most 2)")
    sys.exit(ratio > 2)


if __name__ == "__main__":
    main()
