"""Training requests made from a schema alone, without a language model (stage ``raw_examples``)."""

from clitron_dagster.generate.config import RawExamplesConfig
from clitron_dagster.generate.raw_examples import CODE_VERSION, run
from clitron_dagster.generate.unit import generate_unit

__all__ = ["CODE_VERSION", "RawExamplesConfig", "generate_unit", "run"]
