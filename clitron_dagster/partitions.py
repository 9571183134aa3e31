"""One partition per CLI: the schema folder is the truth, also on a fresh checkout."""

from __future__ import annotations

import dagster as dg

from clitron_dagster.settings import Settings

cli_partitions = dg.StaticPartitionsDefinition(Settings().cli_names())
