"""Requests written by a large language model over an API (sources ``anthropic`` and ``openai``).

In the order in which a run goes through them: ``coverage`` (what is asked for), ``prompt`` (in which
words), ``claude`` / ``claude_batches`` / ``openai_server`` (asking), ``ledger`` (every answer, written
down before it is read), ``answers`` (rows out of answers), ``campaign`` (the loop around them).
"""
