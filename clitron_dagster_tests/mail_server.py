"""A small real SMTP server for tests: takes mail, speaks STARTTLS where it is given a certificate."""

import contextlib
import socketserver
import ssl
import subprocess
import threading


def certificate(folder):
    """(certificate, key) for localhost, signed by itself."""
    files = folder / "cert.pem", folder / "key.pem"
    subprocess.run(
        [
            "openssl", "req", "-x509", "-newkey", "rsa:2048", "-nodes", "-days", "2",
            "-subj", "/CN=localhost", "-addext", "subjectAltName=DNS:localhost",
            "-out", files[0], "-keyout", files[1],
        ],
        check=True, capture_output=True,
    )  # fmt: skip
    return files


class MailServer(socketserver.ThreadingTCPServer):
    daemon_threads = True

    def __init__(self, context=None):
        super().__init__(("127.0.0.1", 0), _Session)
        self.context, self.mails, self.log = context, [], []

    @property
    def address(self):
        return f"smtp://localhost:{self.server_address[1]}"


class _Session(socketserver.StreamRequestHandler):
    def say(self, *lines):
        self.wfile.write("".join(f"{line}\r\n" for line in lines).encode())
        self.wfile.flush()

    def handle(self):
        server, encrypted = self.server, False
        self.say("220 here")
        while line := self.rfile.readline().decode().strip():
            verb = line.split(" ")[0].upper()
            server.log.append((encrypted, line))
            if verb == "EHLO":
                offers = [] if encrypted or not server.context else ["250-STARTTLS"]
                self.say("250-here", *offers, "250 AUTH PLAIN")
            elif verb == "STARTTLS":
                self.say("220 go on")
                self.connection = server.context.wrap_socket(self.connection, server_side=True)
                self.rfile = self.connection.makefile("rb")
                self.wfile = self.connection.makefile("wb")
                encrypted = True
            elif verb == "AUTH":
                self.say("235 welcome")
            elif verb == "DATA":
                self.say("354 go on")
                body = []
                while (row := self.rfile.readline().decode()) != ".\r\n":
                    body.append(row.removeprefix(".") if row.startswith("..") else row)
                server.mails.append("".join(body))
                self.say("250 taken")
            elif verb == "QUIT":
                self.say("221 bye")
                return
            else:
                self.say("250 fine")


@contextlib.contextmanager
def serving(server):
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
    thread.start()
    try:
        yield server
    finally:
        server.shutdown()
        server.server_close()
        thread.join()


def tls_server(folder):
    files = certificate(folder)
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(*files)
    return MailServer(context), files[0]
