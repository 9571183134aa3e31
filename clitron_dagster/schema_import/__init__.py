"""Schemas from what a CLI already has: a completion spec. Each reader gives a plain mapping."""
