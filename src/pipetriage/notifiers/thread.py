"""What a channel keeps of a topic besides its place: what was said last, so that the same is not said twice."""

from pipetriage.model.message import What
from pipetriage.notifiers.interface import Sending


def already_said(sending: Sending) -> bool:
    """Whether this delivery was taken, and the process that sent it ended before it could note so."""
    return sending.attempt > 1 and sending.thread.get("said") == sending.key


def has_outgrown(sending: Sending) -> bool:
    """Whether a message is news where nothing that was said can be brought up to date.

    A storm's count grows by the minute; such a channel is told of it once, and again each time that it has doubled.
    """
    said = sending.thread.get("count", "")
    return sending.message.what is not What.STORM or not said.isdecimal() or sending.message.count >= 2 * int(said)


def storm_count(sending: Sending) -> dict[str, str]:
    """Give what has to be kept of a storm."""
    return {"count": str(sending.message.count)} if sending.message.what is What.STORM else {}
