"""How good a model is: row sets, metrics, generation and the report."""
