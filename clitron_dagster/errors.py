"""Errors that a user is meant to read: one sentence of what, where and what to do."""


class ClitronError(Exception):
    """A fault that the user can mend. Its text is shown alone, without a traceback."""
