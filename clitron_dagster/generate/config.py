"""Settings of the offline generator."""

from __future__ import annotations

from pydantic import Field, model_validator

from clitron_dagster.stage import StageConfig


class RawExamplesConfig(StageConfig):
    """How many requests are made, and in which proportions. All shares are between 0 and 1."""

    num_examples: int = Field(default=3000, ge=1)
    seed: int = 17
    # kinds of row; they add up to 1 (seed 004: 60 % / 20 % / 20 %)
    share_with_context: float = Field(default=0.60, ge=0, le=1)
    share_without_context: float = Field(default=0.20, ge=0, le=1)
    share_negative: float = Field(default=0.20, ge=0, le=1)
    min_per_unit: int = Field(default=12, ge=1)  # commands for the least described unit
    author_share: float = Field(default=0.42, ge=0, le=1)  # of a unit that has author's examples
    reference_rate: float = Field(default=0.22, ge=0, le=1)  # "this pr", of rows where it can be
    contrast_rate: float = Field(default=0.12, ge=0, le=1)  # same request again, one option fewer
    literal_rate: float = Field(default=0.04, ge=0, le=1)  # the command line itself, as typed
    typo_rate: float = Field(default=0.04, ge=0, le=1)  # rows with a slip in a word (never a value)
    number_word_rate: float = Field(default=0.15, ge=0, le=1)  # "last three" for a count of 3

    @model_validator(mode="after")
    def _shares_add_up(self) -> RawExamplesConfig:
        total = self.share_with_context + self.share_without_context + self.share_negative
        if abs(total - 1) > 1e-6:
            raise ValueError(
                "share_with_context, share_without_context and share_negative add up to "
                f"{total:g}; make them add up to 1"
            )
        return self
