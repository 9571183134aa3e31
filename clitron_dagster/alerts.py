"""Alerts: one line in a log file always, and a webhook, mail or own function where one is set.

Reads its settings from the environment (docs/operations.md). :func:`send` never raises: what could
not be delivered is written into the file beside the alert, in words without secrets. Try it alone:
``python -m clitron_dagster.alerts "a test"``.
"""

from __future__ import annotations

import json
import os
import pkgutil
import re
import sys
import time
from collections.abc import Callable, Mapping
from dataclasses import asdict, dataclass, field, replace
from email.message import EmailMessage
from pathlib import Path
from urllib.parse import urlsplit

from clitron_dagster.errors import ClitronError
from clitron_dagster.settings import PROJECT_ROOT
from clitron_dagster.store import now

# A sensor's tick has 60 s for all its alerts, so that a dead receiver must not take them.
TIMEOUT_S = 5.0
ATTEMPTS = 2
PAUSE_S = 1.0
_SECRET_NAME = re.compile(r"KEY|TOKEN|SECRET|PASSW|CREDENTIAL|WEBHOOK", re.IGNORECASE)
_USER_AND_PASSWORD = re.compile(r"(?<=://)[^/\s@]+@")


class AlertError(ClitronError):
    """An alert that one channel did not deliver."""


@dataclass(frozen=True)
class Alert:
    """Something that a person should know."""

    kind: str  # run_failure, skipped, test
    title: str
    text: str
    cli: str = ""
    job: str = ""
    run_id: str = ""
    link: str = ""
    time: str = field(default_factory=lambda: now().isoformat(timespec="seconds"))


@dataclass(frozen=True)
class Channels:
    """Where alerts go. Secrets stay out of its repr."""

    file: Path
    webhook: str = field(default="", repr=False)  # http(s) address; often a secret itself
    webhook_token: str = field(default="", repr=False)  # sent as a bearer token
    smtp: str = field(default="", repr=False)  # smtp://host:port, smtps://host:port
    smtp_user: str = ""
    smtp_password: str = field(default="", repr=False)
    mail_from: str = ""
    mail_to: str = ""  # one or more addresses, separated by commas
    function: str = ""  # module:function, called with the alert as a dict

    @classmethod
    def from_environment(cls, given: Mapping[str, str] | None = None) -> Channels:
        environment = os.environ if given is None else given
        home = environment.get("DAGSTER_HOME") or PROJECT_ROOT / ".dagster"
        return cls(
            file=Path(environment.get("CLITRON_ALERT_FILE") or Path(home) / "alerts.jsonl"),
            webhook=environment.get("CLITRON_ALERT_WEBHOOK", ""),
            webhook_token=environment.get("CLITRON_ALERT_WEBHOOK_TOKEN", ""),
            smtp=environment.get("CLITRON_ALERT_SMTP", ""),
            smtp_user=environment.get("CLITRON_ALERT_SMTP_USER", ""),
            smtp_password=environment.get("CLITRON_ALERT_SMTP_PASSWORD", ""),
            mail_from=environment.get("CLITRON_ALERT_MAIL_FROM", ""),
            mail_to=environment.get("CLITRON_ALERT_MAIL_TO", ""),
            function=environment.get("CLITRON_ALERT_FUNCTION", ""),
        )


def send(alert: Alert, channels: Channels | None = None) -> list[str]:
    """Deliver an alert everywhere; returns what went wrong, in words."""
    channels = channels or Channels.from_environment()
    alert = replace(alert, title=redact(alert.title), text=redact(alert.text))
    undelivered: list[str] = []
    ways: tuple[tuple[str, str, Callable[[Alert, Channels], None]], ...] = (
        ("webhook", channels.webhook, post),
        ("mail", channels.smtp, mail),
        ("function", channels.function, call),
    )
    for name, address, deliver in ways:
        if not address:
            continue
        try:
            deliver(alert, channels)
        except Exception as error:  # noqa: BLE001 (a receiver's fault must not hide the alert)
            words = str(error) if isinstance(error, AlertError) else _words(error)
            undelivered.append(_without(f"{name}: {words}", channels))
    try:
        write(alert, channels, undelivered)
    except OSError as error:
        undelivered.append(f"file: {error.strerror or type(error).__name__}")
    return undelivered


def write(alert: Alert, channels: Channels, undelivered: list[str]) -> None:
    """Append one JSON line; a single write, so that lines of two processes do not mix."""
    row = {key: value for key, value in asdict(alert).items() if value}
    if undelivered:
        row["undelivered"] = undelivered
    channels.file.parent.mkdir(parents=True, exist_ok=True)
    line = json.dumps(row, ensure_ascii=False) + "\n"
    descriptor = os.open(channels.file, os.O_WRONLY | os.O_APPEND | os.O_CREAT, 0o600)
    try:
        os.write(descriptor, line.encode())
    finally:
        os.close(descriptor)


def post(alert: Alert, channels: Channels) -> None:
    """POST it as JSON. ``text`` is what Slack, Mattermost and their like show.

    Raises:
        AlertError: no http address, or the receiver did not answer with 2xx.
    """
    import urllib.error
    import urllib.request

    class NoRedirect(urllib.request.HTTPRedirectHandler):
        """A redirected POST becomes a GET without the alert, and carries the token elsewhere."""

        def redirect_request(self, *_: object) -> None:
            return None

    if urlsplit(channels.webhook).scheme not in ("http", "https"):
        raise AlertError("CLITRON_ALERT_WEBHOOK is no http:// or https:// address")
    body = {**asdict(alert), "text": f"{alert.title}\n{alert.text}\n{alert.link}".strip()}
    headers = {"Content-Type": "application/json", "User-Agent": "clitron-dagster"}
    if channels.webhook_token:
        headers["Authorization"] = f"Bearer {channels.webhook_token}"
    opener = urllib.request.build_opener(NoRedirect)
    problem = ""
    for attempt in range(ATTEMPTS):
        if attempt:
            time.sleep(PAUSE_S)
        request = urllib.request.Request(  # noqa: S310 (the scheme is checked above)
            channels.webhook, data=json.dumps(body).encode(), headers=headers, method="POST"
        )
        try:
            with opener.open(request, timeout=TIMEOUT_S):
                return
        except urllib.error.HTTPError as error:
            error.close()
            problem = f"the receiver answered {error.code}"
            if error.code < 500 and error.code != 429:
                break  # it will not take it the second time either
        except OSError as error:
            problem = _words(error)
    raise AlertError(problem)


def mail(alert: Alert, channels: Channels) -> None:
    """Send it by SMTP; encrypted wherever the server offers that.

    Raises:
        AlertError: an address is missing, or the password would travel in the clear.
    """
    import smtplib
    import ssl

    server = urlsplit(channels.smtp)
    if server.scheme not in ("smtp", "smtps") or not server.hostname:
        raise AlertError("CLITRON_ALERT_SMTP is not smtp://host:port or smtps://host:port")
    if server.username:
        raise AlertError("set CLITRON_ALERT_SMTP_USER and …_PASSWORD instead of user:password@")
    to = [address.strip() for address in channels.mail_to.split(",") if address.strip()]
    if not to or not channels.mail_from:
        raise AlertError("set CLITRON_ALERT_MAIL_FROM and CLITRON_ALERT_MAIL_TO as well")
    message = EmailMessage()
    message["Subject"] = " ".join(alert.title.split())
    message["From"], message["To"] = channels.mail_from, ", ".join(to)
    # Quoted-printable, for not every server takes eight-bit text.
    message.set_content(f"{alert.text}\n\n{alert.link}\n", cte="quoted-printable")
    context = ssl.create_default_context()
    if server.scheme == "smtps":
        client: smtplib.SMTP = smtplib.SMTP_SSL(
            server.hostname, server.port or 465, timeout=TIMEOUT_S, context=context
        )
    else:
        client = smtplib.SMTP(server.hostname, server.port or 25, timeout=TIMEOUT_S)
    with client:
        encrypted = server.scheme == "smtps"
        client.ehlo()
        if not encrypted and client.has_extn("starttls"):
            client.starttls(context=context)
            encrypted = True
        if channels.smtp_user:
            if not encrypted:
                raise AlertError("the server offers no encryption, so the password was not sent")
            client.login(channels.smtp_user, channels.smtp_password)
        client.send_message(message)


def call(alert: Alert, channels: Channels) -> None:
    """Hand it to a function of the operator's own."""
    pkgutil.resolve_name(channels.function)(asdict(alert))


def redact(text: str) -> str:
    """Take out what must not be logged: values of secret variables, passwords in addresses."""
    secrets = [v for name, v in os.environ.items() if _SECRET_NAME.search(name) and len(v) >= 6]
    for secret in sorted(secrets, key=len, reverse=True):
        text = text.replace(secret, "***")
    return _USER_AND_PASSWORD.sub("***@", text)


def _without(words: str, channels: Channels) -> str:
    for secret in (channels.webhook, channels.webhook_token, channels.smtp_password, channels.smtp):
        if secret:
            words = words.replace(secret, "***")
    return redact(" ".join(words.split()))


def _words(error: Exception) -> str:
    reason = getattr(error, "reason", None) or error  # urllib wraps the error of the system
    return f"{type(reason).__name__}: {reason}"


if __name__ == "__main__":
    text = " ".join(sys.argv[1:]) or "a test"
    problems = send(Alert("test", f"clitron: {text}", "Sent by hand, to try the channels."))
    sys.exit("\n".join(problems) or None)
