"""The training stages: SFT, preference pairs, DPO, and what they share."""
