"""The state of one conversation with one model, shared by what sends and what reads: its bounds and what it used."""

import threading
import time
from collections.abc import Callable
from concurrent.futures import Future
from typing import Any

from pipetriage.model.proposal import Use
from pipetriage.reasoning.interface import Limits
from pipetriage.reasoning.prices import Price


class ClosedError(Exception):
    """The conversation is over (cancelled, or out of time): nothing more is sent in it."""


class SpentError(Exception):
    """The conversation used up its tokens: the model is not asked again."""


class UnreadableError(Exception):
    """A library broke over a response: something answered that does not speak the protocol."""


class Call:
    """One conversation. It is closed exactly once, by whoever began it, also when it is cancelled."""

    def __init__(self, limits: Limits, price: Price) -> None:
        self.limits = limits
        self.too_large = ""
        """What was too large to be read; empty: nothing was. Kept, since SDKs wrap what is raised while they read."""
        self.sending = False
        """Whether anything of the last request was sent, or tried to be."""
        self.responding = False
        """Whether a response to the last request has begun to arrive."""
        self._price = price
        self._ends = time.monotonic() + limits.seconds
        self._requests = self._input_tokens = self._output_tokens = 0
        self._uncounted = 0
        self._lock = threading.Lock()
        self._closed = False
        self._waiting: Future[Any] | None = None
        self._stop_reading: Callable[[], object] | None = None

    def left(self) -> float:
        """Give the seconds until it ends, at least 0."""
        return max(0.0, self._ends - time.monotonic())

    def begin(self) -> None:
        """Count a request that is about to be sent. Until its outcome is told, it is one of unknown cost.

        Raises:
            SpentError: the tokens are used up.
        """
        if self._requests and self._input_tokens + self._output_tokens >= self.limits.total_tokens:
            raise SpentError(
                f"{self._input_tokens + self._output_tokens} of {self.limits.total_tokens} tokens were used"
            )
        self._requests += 1
        self._uncounted += 1
        self.sending = self.responding = False

    def answered(self, input_tokens: int, output_tokens: int) -> None:
        """Count what the provider says that the request just sent has used; no input at all is no count."""
        self._input_tokens += max(0, input_tokens)
        self._output_tokens += max(0, output_tokens)
        if input_tokens > 0:
            self._uncounted -= 1

    def refused(self) -> None:
        """Note that the last request was not answered by the model, and so costs nothing, or was not sent at all."""
        self._uncounted -= 1
        if not self.sending:
            self._requests -= 1

    def use(self) -> Use:
        """Give what was used so far. The cost is None where a price or a count is not known."""
        cost = None if self._uncounted else self._price(self._input_tokens, self._output_tokens)
        return Use(
            requests=self._requests,
            input_tokens=self._input_tokens,
            output_tokens=self._output_tokens,
            cost_usd=cost if self._requests else 0.0,
            uncounted=self._uncounted,
        )

    @property
    def closed(self) -> bool:
        """Whether it is over."""
        return self._closed

    def close(self) -> None:
        """End it, and wake the thread that waits for an answer, if one does."""
        with self._lock:
            self._closed = True
            if self._waiting is not None and not self._waiting.done():
                self._waiting.set_exception(ClosedError())
            stop, self._stop_reading = self._stop_reading, None
        if stop is not None:
            stop()

    def reading(self, stop: Callable[[], object]) -> None:
        """Have a read that blocks a thread stopped when the conversation is closed; at once if it is already."""
        with self._lock:
            if not self._closed:
                self._stop_reading = stop
                return
        stop()

    def waiting(self) -> "Future[Any]":
        """Give what a thread waits on for an answer; closing the conversation ends the wait.

        Raises:
            ClosedError: it is over already.
        """
        with self._lock:
            if self._closed:
                raise ClosedError
            self._waiting = Future()
            return self._waiting

    def settle(self, future: "Future[Any]", result: Any = None, error: BaseException | None = None) -> None:
        """Hand an answer or an error to who waits for it, unless nobody does any more."""
        with self._lock:
            if future.done():
                return
            if error is not None:
                future.set_exception(error)
            else:
                future.set_result(result)
