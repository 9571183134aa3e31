"""Check schema files: ``python -m clitron_dagster.schema schemas/*.yaml``."""

import sys

from clitron_dagster.schema.load import SchemaError, load_schema, schema_warnings

failed = False
for file in sys.argv[1:]:
    try:
        schema = load_schema(file)
    except SchemaError as error:
        failed = True
        print(error)
        continue
    for warning in schema_warnings(file):
        print(f"{file}: warning: {warning}")
    print(f"{file}: ok, {len(schema.units)} units, {schema.hash}")
sys.exit(failed)
