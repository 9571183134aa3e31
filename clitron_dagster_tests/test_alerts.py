"""Alerts over real sockets: file, HTTP, SMTP; faults of a receiver; secrets."""

import email
import email.policy
import json
import stat
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import pytest

from clitron_dagster import alerts
from clitron_dagster.alerts import Alert, Channels, redact, send
from clitron_dagster_tests.mail_server import MailServer, serving, tls_server

ALERT = Alert("run_failure", "train of git failed", "splits: no rows", cli="git", run_id="ab12")


@pytest.fixture(autouse=True)
def quick(monkeypatch):
    monkeypatch.setattr(alerts, "PAUSE_S", 0.0)
    for name in ("http_proxy", "HTTP_PROXY", "all_proxy", "ALL_PROXY"):
        monkeypatch.delenv(name, raising=False)


@pytest.fixture
def file(tmp_path):
    return tmp_path / "deep" / "alerts.jsonl"


def rows(file):
    return [json.loads(line) for line in file.read_text().splitlines()]


# -- file -----------------------------------------------------------------------------------------


def test_every_alert_is_one_line_in_a_private_file(file):
    assert send(ALERT, Channels(file)) == []
    assert send(Alert("test", "two\nlines", "ünï"), Channels(file)) == []
    first, second = rows(file)
    assert first["cli"] == "git"
    assert first["time"]
    assert second["text"] == "ünï"
    assert stat.S_IMODE(file.stat().st_mode) == 0o600


def test_a_file_that_cannot_be_written_is_told(tmp_path):
    (tmp_path / "not-a-folder").write_text("")
    (problem,) = send(ALERT, Channels(tmp_path / "not-a-folder" / "alerts.jsonl"))
    assert problem.startswith("file: ")


def test_the_file_lies_in_dagsters_home_unless_named(tmp_path):
    assert Channels.from_environment({"DAGSTER_HOME": "/h"}).file.as_posix() == "/h/alerts.jsonl"
    named = {"DAGSTER_HOME": "/h", "CLITRON_ALERT_FILE": "/a"}
    assert Channels.from_environment(named).file.as_posix() == "/a"


# -- webhook --------------------------------------------------------------------------------------


class Receiver(ThreadingHTTPServer):
    """Answers with the given statuses in turn, the last one for ever."""

    def __init__(self, *statuses):
        super().__init__(("127.0.0.1", 0), _Handler)
        self.statuses, self.taken = list(statuses), []

    @property
    def address(self):
        return f"http://127.0.0.1:{self.server_address[1]}/hook/s3cretpath"


class _Handler(BaseHTTPRequestHandler):
    def do_POST(self):
        body = self.rfile.read(int(self.headers["Content-Length"]))
        self.server.taken.append((dict(self.headers), json.loads(body)))
        statuses = self.server.statuses
        self.send_response(statuses.pop(0) if len(statuses) > 1 else statuses[0])
        self.send_header("Location", "/elsewhere")
        self.send_header("Content-Length", "0")
        self.end_headers()

    def do_GET(self):
        self.server.taken.append("GET")

    def log_message(self, *_):
        pass


def test_a_webhook_gets_the_alert_as_json(file):
    with serving(Receiver(200)) as receiver:
        assert send(ALERT, Channels(file, receiver.address, webhook_token="t0ken")) == []
    ((headers, body),) = receiver.taken
    assert headers["Authorization"] == "Bearer t0ken"
    assert headers["Content-Type"] == "application/json"
    assert body["text"] == "train of git failed\nsplits: no rows"
    assert body["run_id"] == "ab12"


def test_a_hiccup_of_the_receiver_is_tried_again(file):
    with serving(Receiver(503, 200)) as receiver:
        assert send(ALERT, Channels(file, receiver.address)) == []
    assert len(receiver.taken) == 2


@pytest.mark.parametrize(("status", "tries"), [(500, 2), (404, 1), (302, 1)])
def test_what_was_not_delivered_stands_in_the_file_without_the_address(file, status, tries):
    with serving(Receiver(status)) as receiver:
        (problem,) = send(ALERT, Channels(file, receiver.address))
    assert problem == f"webhook: the receiver answered {status}"
    assert len(receiver.taken) == tries
    (row,) = rows(file)
    assert row["undelivered"] == [problem]
    assert "s3cretpath" not in file.read_text()


@pytest.mark.parametrize("address", ["http://127.0.0.1:1/s3cretpath", "file:///s3cretpath", "x"])
def test_a_receiver_that_is_not_there_loses_nothing(file, address):
    (problem,) = send(ALERT, Channels(file, address))
    assert problem.startswith("webhook: ")
    assert "s3cretpath" not in problem
    assert rows(file)[0]["text"] == "splits: no rows"


# -- mail -----------------------------------------------------------------------------------------


def mailing(file, server, **more):
    return Channels(
        file, smtp=server.address, mail_from="clitron@example.com",
        mail_to="ana@example.com, bo@example.com", **more,
    )  # fmt: skip


def test_mail_arrives_whole(file):
    alert = Alert("run_failure", "train of git\r\nBcc: x@example.com", "splits: ünï\n.\nend")
    with serving(MailServer()) as server:
        assert send(alert, mailing(file, server)) == []
    (text,) = server.mails
    message = email.message_from_string(text, policy=email.policy.default)
    assert message["Subject"] == "train of git Bcc: x@example.com"  # a line break adds no header
    assert message["Bcc"] is None
    assert message.get_content().splitlines()[:3] == ["splits: ünï", ".", "end"]
    assert text.isascii()
    said = " ".join(line for _, line in server.log)
    assert "ana@example.com" in said
    assert "bo@example.com" in said


def test_a_password_travels_only_encrypted(file, tmp_path, monkeypatch):
    with serving(MailServer()) as server:
        (problem,) = send(ALERT, mailing(file, server, smtp_user="me", smtp_password="pa55word"))
    assert problem == "mail: the server offers no encryption, so the password was not sent"
    assert not server.mails
    assert not any("AUTH" in line for _, line in server.log)

    secure, own_certificate = tls_server(tmp_path)
    monkeypatch.setenv("SSL_CERT_FILE", str(own_certificate))
    with serving(secure):
        assert send(ALERT, mailing(file, secure, smtp_user="me", smtp_password="pa55word")) == []
    assert secure.mails
    assert [encrypted for encrypted, line in secure.log if line.startswith("AUTH")] == [True]
    assert "pa55word" not in file.read_text()


def test_a_server_that_nobody_vouches_for_gets_no_mail(file, tmp_path):
    secure, _ = tls_server(tmp_path)
    with serving(secure):
        (problem,) = send(ALERT, mailing(file, secure))
    assert "CERTIFICATE_VERIFY_FAILED" in problem
    assert not secure.mails


@pytest.mark.parametrize(
    ("more", "words"),
    [
        ({"smtp": "mail.example.com"}, "smtp://host:port"),
        ({"smtp": "smtp://me:pa55word@localhost"}, "CLITRON_ALERT_SMTP_USER"),
        ({"smtp": "smtp://localhost:1"}, "CLITRON_ALERT_MAIL_TO"),
        ({"smtp": "smtp://localhost:1", "mail_from": "a@b.c", "mail_to": "d@e.f"}, "refused"),
    ],
)
def test_mail_settings_that_do_not_work_are_told(file, more, words):
    (problem,) = send(ALERT, Channels(file, **more))
    assert words in problem
    assert "pa55word" not in problem


# -- an own function ------------------------------------------------------------------------------

TAKEN = []


def test_an_own_function_gets_the_alert(file):
    assert send(ALERT, Channels(file, function=f"{__name__}:TAKEN.append")) == []
    assert TAKEN.pop()["cli"] == "git"
    (problem,) = send(ALERT, Channels(file, function="no_such_module:page"))
    assert "no_such_module" in problem


# -- secrets --------------------------------------------------------------------------------------


def test_secrets_are_taken_out_of_what_is_told(file, monkeypatch):
    monkeypatch.setenv("ANTHROPIC_API_KEY", "sk-very-secret")
    text = "401 for sk-very-secret at postgresql://user:pa55word@db/x"
    assert redact(text) == "401 for *** at postgresql://***@db/x"
    send(Alert("run_failure", text, text), Channels(file))
    assert "secret" not in file.read_text()
    assert "pa55word" not in file.read_text()


def test_settings_show_no_secret():
    environment = {
        f"CLITRON_ALERT_{name}": "https://s3cret.example.com"
        for name in ("WEBHOOK", "WEBHOOK_TOKEN", "SMTP", "SMTP_PASSWORD")
    }
    assert "s3cret" not in repr(Channels.from_environment(environment))
