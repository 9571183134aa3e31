"""From trained weights to GGUF files that anyone can run."""
