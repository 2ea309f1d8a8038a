"""Running what blocks beside the event loop, in a thread that nobody has to wait for.

``asyncio.to_thread`` will not do: its threads are joined when the program ends, however long a source or a credential
provider hangs.
"""

import asyncio
import threading
from collections.abc import Callable
from contextlib import suppress
from typing import Any, TypeVar

Result = TypeVar("Result")


async def beside(function: Callable[..., Result], *arguments: Any) -> Result:
    """Call the function in a daemon thread and give what it returns, or raise what it raises.

    Cancelled, it returns at once; the thread ends by itself, and what comes of it goes nowhere.
    """
    loop = asyncio.get_running_loop()
    future: asyncio.Future[Result] = loop.create_future()

    def tell(settle: Callable[[Any], None], outcome: Any) -> None:
        if not future.done():
            settle(outcome)

    def run() -> None:
        try:
            told = function(*arguments)
        except BaseException as error:  # noqa: BLE001 - a thread's boundary: whoever waits gets it
            settle, outcome = future.set_exception, error
        else:
            settle, outcome = future.set_result, told  # type: ignore[assignment]
        with suppress(RuntimeError):  # the loop has ended, and nobody waits
            loop.call_soon_threadsafe(tell, settle, outcome)

    threading.Thread(target=run, name="pipetriage-beside", daemon=True).start()
    return await future
