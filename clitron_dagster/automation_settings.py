"""When the project runs by itself: settings from the environment, or a ``.env`` file.

Everything that starts runs is off until somebody switches it on, here or with a click in the UI.
"""

from __future__ import annotations

import os
from collections.abc import Mapping
from dataclasses import dataclass

from clitron_dagster.settings import SettingsError

_ON = ("1", "on", "true", "yes")
_OFF = ("", "0", "off", "false", "no")


@dataclass(frozen=True)
class AutomationSettings:
    nightly: bool = False  # CLITRON_NIGHTLY=on
    cron: str = "0 2 * * *"  # CLITRON_NIGHTLY_CRON
    timezone: str = "UTC"  # CLITRON_NIGHTLY_TIMEZONE
    watch: bool = False  # CLITRON_WATCH=on
    watch_every_s: int = 15  # CLITRON_WATCH_EVERY_S
    quiet_s: int = 5  # CLITRON_WATCH_QUIET_S

    @classmethod
    def from_environment(cls, given: Mapping[str, str] | None = None) -> AutomationSettings:
        """Read the variables; one that is not set keeps its default.

        Raises:
            SettingsError: a value that means nothing.
        """
        environment = os.environ if given is None else given
        return cls(
            nightly=_switch(environment, "CLITRON_NIGHTLY"),
            cron=environment.get("CLITRON_NIGHTLY_CRON") or cls.cron,
            timezone=environment.get("CLITRON_NIGHTLY_TIMEZONE") or cls.timezone,
            watch=_switch(environment, "CLITRON_WATCH"),
            watch_every_s=_seconds(environment, "CLITRON_WATCH_EVERY_S", cls.watch_every_s),
            quiet_s=_seconds(environment, "CLITRON_WATCH_QUIET_S", cls.quiet_s),
        )


def _switch(environment: Mapping[str, str], name: str) -> bool:
    value = environment.get(name, "").strip().lower()
    if value not in (*_ON, *_OFF):
        raise SettingsError(f"{name} is `{environment[name]}`; write on or off")
    return value in _ON


def _seconds(environment: Mapping[str, str], name: str, default: int) -> int:
    text = environment.get(name, "").strip()
    if not text:
        return default
    if not text.isdecimal() or int(text) < 1:
        raise SettingsError(f"{name} is `{text}`; write a whole number of seconds, 1 or more")
    return int(text)
