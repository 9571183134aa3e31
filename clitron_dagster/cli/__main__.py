"""``python -m clitron_dagster.cli`` is ``clitron``."""

from clitron_dagster.cli import main

main()
