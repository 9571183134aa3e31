"""From a CLI's schema to a small local model that speaks it: a Dagster asset graph."""

__version__ = "0.1.0"
