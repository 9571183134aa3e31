"""A CLI's model behind HTTP: requests in ``wire.py``, one thread of work in ``worker.py``."""
