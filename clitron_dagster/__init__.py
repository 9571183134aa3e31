"""From a CLI's schema to a small local model that speaks it: a Dagster asset graph."""

import os

__version__ = "0.1.0"

# OpenMP threads that spin while they wait make training many times slower as soon as anything else
# runs on the machine. Read when torch is first imported, so it is set before that.
os.environ.setdefault("OMP_WAIT_POLICY", "passive")
