"""Answers from a GGUF: engine, grammar, prediction."""

import os

# The package sets this for torch. llama.cpp's OpenMP library (not the one that torch brings) reads
# it when it is loaded, and threads that sleep between steps halve its speed; against cores that are
# taken away, the engine has its crew.
_policy = os.environ.pop("OMP_WAIT_POLICY", None)
try:
    import llama_cpp  # noqa: F401
finally:
    if _policy is not None:
        os.environ["OMP_WAIT_POLICY"] = _policy
