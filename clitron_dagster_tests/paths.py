"""Where tests find things."""

from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
FIXTURES = Path(__file__).resolve().parent / "fixtures"
NOTES = FIXTURES / "notes.yaml"
SCHEMAS = ROOT / "schemas"
