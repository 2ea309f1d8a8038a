"""A mail server on loopback: a real one that keeps mails and refuses people, and a bare socket that misbehaves."""

import socket
import socketserver
import struct
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from email import message_from_bytes, policy
from email.message import EmailMessage
from typing import Any

from aiosmtpd.controller import Controller


class Mailbox:
    """Keeps mails, as aiosmtpd's handler; by Message-ID, as people's programs show them."""

    def __init__(self) -> None:
        self.mails: list[EmailMessage] = []
        self.refused: dict[str, str] = {}
        """Recipients, and what they are refused with."""
        self.loses_answers = 0

    async def handle_RCPT(self, server: Any, session: Any, envelope: Any, address: str, options: Any) -> str:
        if address in self.refused:
            return self.refused[address]
        envelope.rcpt_tos.append(address)
        return "250 OK"

    async def handle_DATA(self, server: Any, session: Any, envelope: Any) -> str:
        mail = message_from_bytes(envelope.content, policy=policy.default)
        assert isinstance(mail, EmailMessage)
        self.mails.append(mail)
        if self.loses_answers:
            self.loses_answers -= 1
            return "451 4.3.0 lost after it was kept"
        return "250 OK"

    @property
    def heads(self) -> list[str]:
        return [str(mail) for mail in {mail["Message-ID"]: mail for mail in self.mails}.values()]


@contextmanager
def mail_server(mailbox: Mailbox, **how: Any) -> Iterator[int]:
    """Serve, and give the port."""
    with socket.create_server(("127.0.0.1", 0)) as free:
        port = int(free.getsockname()[1])
    controller = Controller(mailbox, hostname="127.0.0.1", port=port, **how)
    controller.start()
    try:
        yield port
    finally:
        controller.stop()


@contextmanager
def bad_mail_server(behave: Callable[[socket.socket], None]) -> Iterator[int]:
    """Serve connections by a function, and give the port."""

    class Bad(socketserver.BaseRequestHandler):
        def handle(self) -> None:
            try:
                behave(self.request)
            except OSError:
                return

    with socketserver.ThreadingTCPServer(("127.0.0.1", 0), Bad) as server:
        server.daemon_threads = True
        threading.Thread(target=server.serve_forever, args=(0.02,), daemon=True).start()
        try:
            yield server.server_address[1]
        finally:
            server.shutdown()


def hangs(connection: socket.socket) -> None:
    connection.settimeout(10)
    connection.recv(1)


def drips(connection: socket.socket) -> None:
    while True:
        connection.sendall(b"2")
        time.sleep(0.02)


def resets(connection: socket.socket) -> None:
    connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
    connection.close()


def talks_http(connection: socket.socket) -> None:
    connection.sendall(b"HTTP/1.1 400 Bad Request\r\n\r\n")


def is_full(connection: socket.socket) -> None:
    connection.sendall(b"421 4.7.0 too many connections, s3cret-pass\r\n")
