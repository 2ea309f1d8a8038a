"""A socket on loopback that notes whether anybody ever came: what a veto must prevent."""

import socket
import threading
from collections.abc import Iterator
from contextlib import contextmanager


class Listener:
    """Counts connections and answers none."""

    def __init__(self, listening: socket.socket) -> None:
        self._listening = listening
        self.url = f"http://127.0.0.1:{listening.getsockname()[1]}"
        self.visits = 0
        threading.Thread(target=self._serve, daemon=True).start()

    def _serve(self) -> None:
        while True:
            try:
                connection, _ = self._listening.accept()
            except OSError:
                return
            self.visits += 1
            connection.close()


@contextmanager
def listener() -> Iterator[Listener]:
    """Listen on a free port until the block ends."""
    with socket.create_server(("127.0.0.1", 0)) as listening:
        yield Listener(listening)
