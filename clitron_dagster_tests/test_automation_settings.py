"""What is on, and when, by environment variables."""

import dagster as dg
import pytest

from clitron_dagster import automation
from clitron_dagster.automation_settings import AutomationSettings
from clitron_dagster.settings import SettingsError


def test_both_are_off_until_somebody_switches_them_on():
    off = AutomationSettings.from_environment({})
    assert automation.make_nightly(off).default_status is dg.DefaultScheduleStatus.STOPPED
    assert automation.make_schemas_changed(off).default_status is dg.DefaultSensorStatus.STOPPED
    on = AutomationSettings.from_environment({"CLITRON_NIGHTLY": "on", "CLITRON_WATCH": "1"})
    assert automation.make_nightly(on).default_status is dg.DefaultScheduleStatus.RUNNING
    assert automation.make_schemas_changed(on).default_status is dg.DefaultSensorStatus.RUNNING


def test_time_and_zone_come_from_the_environment():
    assert AutomationSettings.from_environment({}).cron == "0 2 * * *"
    given = {"CLITRON_NIGHTLY_CRON": "30 4 * * 1-5", "CLITRON_NIGHTLY_TIMEZONE": "Europe/Oslo"}
    nightly = automation.make_nightly(AutomationSettings.from_environment(given))
    assert nightly.cron_schedule == "30 4 * * 1-5"
    assert nightly.execution_timezone == "Europe/Oslo"


@pytest.mark.parametrize(
    "given",
    [
        {"CLITRON_NIGHTLY": "perhaps"},
        {"CLITRON_WATCH_EVERY_S": "0"},
        {"CLITRON_NIGHTLY_CRON": "at two"},
        {"CLITRON_NIGHTLY_TIMEZONE": "Mars/Olympus"},
    ],
)
def test_a_setting_that_means_nothing_is_named(given):
    (name,) = given
    with pytest.raises(SettingsError, match=name):
        automation.make_nightly(AutomationSettings.from_environment(given))
