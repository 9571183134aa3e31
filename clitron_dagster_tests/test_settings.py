"""Settings: one order of precedence, the same keys everywhere, typos named."""

import pytest

from clitron_dagster.profiles import PROFILES
from clitron_dagster.schema import load_schema
from clitron_dagster.settings import Settings, SettingsError
from clitron_dagster.stages import BY_NAME, STAGES
from clitron_dagster_tests.paths import FIXTURES, NOTES


def settings(**changes):
    return Settings(
        **{"schemas_dir": FIXTURES, "store_url": "memory://s", "profile": None, **changes}
    )


def with_pipeline(pipeline):
    schema = load_schema(NOTES)
    return schema.model_copy(update={"pipeline": pipeline})


def test_a_run_wins_over_the_schema_and_that_over_the_profile():
    stage = BY_NAME["raw_examples"]
    schema = with_pipeline({"num_examples": 77, "profile": "full"})
    assert settings().config(stage, schema).num_examples == 77
    over = settings(overrides={"raw_examples": {"num_examples": 5}})
    assert over.config(stage, schema).num_examples == 5
    plain = with_pipeline({"profile": "tiny"})
    tiny = PROFILES["tiny"]["raw_examples"]["num_examples"]
    assert settings().config(stage, plain).num_examples == tiny


def test_a_top_level_key_goes_to_every_stage_that_has_it():
    over = settings(overrides={"seed": 99, "base_model": "tiny-random"})
    schema = load_schema(NOTES)
    for stage in STAGES:
        config = over.config(stage, schema)
        for key, value in (("seed", 99), ("base_model", "tiny-random")):
            assert getattr(config, key, value) == value


@pytest.mark.parametrize(
    ("pipeline", "words"),
    [
        ({"num_example": 3}, "did you mean `num_examples`"),
        ({"sft_adapter": {"epoch": 3}}, "did you mean `epochs`"),
        ({"num_examples": "many"}, "raw_examples.num_examples is 'many'"),
        ({"profile": "huge"}, "there are: quick"),
        ({"splits": 3}, "not a mapping"),
    ],
)
def test_a_wrong_setting_is_named(pipeline, words):
    with pytest.raises(SettingsError) as error:
        for stage in STAGES:
            settings().config(stage, with_pipeline(pipeline))
    assert words in str(error.value)


def test_an_unknown_cli_is_named_with_what_there_is():
    with pytest.raises(SettingsError, match="did you mean `notes`"):
        settings().load("note")
    with pytest.raises(SettingsError, match=r"Add zzz\.yaml"):
        settings().load("zzz")


@pytest.mark.parametrize("profile", sorted(PROFILES))
def test_every_profile_is_sound(profile):
    schema = load_schema(NOTES)
    for stage in STAGES:
        settings(profile=profile).config(stage, schema)
