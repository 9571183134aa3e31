"""A store in which everything is fresh, without computing it: for tests that ask only the plan."""

from clitron_dagster.settings import Settings
from clitron_dagster.stages import STAGES
from clitron_dagster.staleness import recipe
from clitron_dagster.store import Manifest, describe
from clitron_dagster_tests.paths import NOTES


def settings_in(folder, *clis: str) -> Settings:
    """An empty store, and for each name the schema `notes` under that name."""
    (folder / "schemas").mkdir()
    settings = Settings(
        schemas_dir=folder / "schemas", store_url=str(folder / "store"), profile="tiny"
    )
    for cli in clis:
        add_schema(settings, cli)
    return settings


def two_fresh(folder) -> Settings:
    """The CLIs `gh` and `git`, and nothing about them stale."""
    settings = settings_in(folder, "gh", "git")
    for cli in settings.cli_names():
        make_fresh(settings, cli)
    return settings


def add_schema(settings: Settings, cli: str) -> None:
    text = NOTES.read_text().replace("cli_name: notes", f"cli_name: {cli}")
    settings.schema_file(cli).write_text(text)


def edit(settings: Settings, cli: str, old: str, new: str) -> None:
    file = settings.schema_file(cli)
    text = file.read_text()
    assert old in text
    file.write_text(text.replace(old, new))


def make_fresh(settings: Settings, cli: str) -> None:
    """Commit an artifact of each stage under the fingerprint that the plan wants."""
    schema = settings.load(cli)
    versions: dict[str, str] = {}
    for stage in STAGES:
        inputs = {name: versions[name] for name in stage.upstream}
        wanted = recipe(settings, schema, stage, inputs)
        out = settings.store.out_dir(cli, stage.name, wanted.fingerprint)
        (out / "content").write_text(wanted.fingerprint)
        manifest = Manifest(
            asset=stage.name, cli=cli, fingerprint=wanted.fingerprint,
            data_version=wanted.fingerprint, files=describe(out), inputs=inputs,
            schema_part=wanted.parts, config=wanted.config.model_dump(mode="json"),
            code_version=stage.code_version, packages={}, started="", ended="", seconds=0.0,
            host="", metrics={},
        )  # fmt: skip
        settings.store.commit(out, manifest)
        versions[stage.name] = manifest.data_version
