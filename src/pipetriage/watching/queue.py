"""Our own SQS queue, behind the guard: messages are taken, given back, done with, or put aside with a reason."""

import re
from typing import Any, NamedTuple

from botocore.exceptions import ClientError

from pipetriage.aws.failures import code_of
from pipetriage.aws.guard import OwnResources
from pipetriage.aws.policy import queue_region
from pipetriage.aws.session import Access, AwsSession
from pipetriage.errors import ConfigError, SourceError
from pipetriage.settings import WatchSettings

MAX_HIDDEN = 11 * 3600
"""Seconds: SQS hides a message for twelve hours at most, counted from when it was received (API reference)."""

# What a message attribute may not hold (SendMessage, API reference), and what a terminal should not be shown.
_UNPRINTABLE = re.compile(r"[^\x20-\x7e\xa0-\ud7ff\ue000-\ufffd]")
_REASON_LENGTH = 1000


class Message(NamedTuple):
    """A message that was received and is hidden from others for a while."""

    id: str
    body: str
    receipt: str
    receives: int
    """How often it was received, this time included."""


class Queue:
    """The queue, and the dead letters beside it. Safe for several threads."""

    def __init__(self, settings: WatchSettings, endpoint_url: str | None = None, region: str | None = None) -> None:
        """Open it; nothing is sent yet.

        Raises:
            ConfigError: no queue is named, or the profile or region is wrong.
        """
        if not settings.queue:
            raise ConfigError("no queue is named: set [watch] queue, or give --queue URL (docs/watch.md)")
        self._url, self._letters = settings.queue, settings.dead_letters
        # A long poll is answered after as long as it may last.
        access = Access(
            profile=settings.profile,
            region=queue_region(settings.queue) or region,
            endpoint_url=endpoint_url,
            read_timeout=settings.wait_seconds + 10.0,
        )
        self._aws = AwsSession(access, OwnResources(queue_url=self._url, dead_letter_url=self._letters))
        self._sqs = self._aws.client("sqs")
        self._hidden = settings.hidden_seconds
        self._wait = settings.wait_seconds

    def receive(self, most: int) -> list[Message]:
        """Take up to ``most`` messages (ten at a time at most), waiting for one where there is none.

        Waiting also has SQS ask all its servers: not to wait may bring nothing though messages are there.

        Raises:
            SourceError: the queue may not be read, or is not there.
            CredentialsError: AWS does not know us.
        """
        with self._aws.calling(f"sqs:ReceiveMessage of {self._url}"):
            answer = self._sqs.receive_message(
                QueueUrl=self._url,
                MaxNumberOfMessages=max(1, min(most, 10)),
                VisibilityTimeout=self._hidden,
                WaitTimeSeconds=self._wait,
                MessageSystemAttributeNames=["ApproximateReceiveCount"],
            )
        return [_message(one) for one in answer.get("Messages", ())]

    def done(self, message: Message) -> None:
        """Delete a message: what it asked for is kept.

        Raises:
            SourceError: it could not be deleted, and will come again.
        """
        with self._aws.calling("sqs:DeleteMessage"):
            self._sqs.delete_message(QueueUrl=self._url, ReceiptHandle=message.receipt)

    def hide(self, message: Message, seconds: float | None = None) -> None:
        """Let a message come again after so many seconds; None: as long as one that was just received.

        A message that is gone, because it was hidden for too short a time and somebody else did it, is none of ours.
        """
        timeout = self._hidden if seconds is None else min(int(seconds), MAX_HIDDEN)
        try:
            with self._aws.calling("sqs:ChangeMessageVisibility"):
                self._sqs.change_message_visibility(
                    QueueUrl=self._url, ReceiptHandle=message.receipt, VisibilityTimeout=timeout
                )
        except SourceError as error:
            cause = error.__cause__
            if not (isinstance(cause, ClientError) and code_of(cause) in _GONE):
                raise

    def bury(self, message: Message, reason: str) -> bool:
        """Put a message into the dead letters with the reason; False: none are named, so SQS's own policy has to.

        First there, then away here: cut off between, it is there twice, never nowhere.
        """
        if not self._letters:
            return False
        told = _UNPRINTABLE.sub(" ", reason)[:_REASON_LENGTH] or "unknown"
        with self._aws.calling("sqs:SendMessage to the dead letters"):
            self._sqs.send_message(
                QueueUrl=self._letters,
                MessageBody=message.body,
                MessageAttributes={
                    name: {"DataType": "String", "StringValue": value}
                    for name, value in (
                        ("reason", told),
                        ("message_id", message.id),
                        ("receives", str(message.receives)),
                    )
                },
            )
        self.done(message)
        return True

    def waiting(self) -> int:
        """Give about how many messages wait; those that somebody has in hand are not counted.

        Raises:
            SourceError: the queue may not be asked, or is not there.
        """
        name = "ApproximateNumberOfMessages"
        with self._aws.calling(f"sqs:GetQueueAttributes of {self._url}"):
            answer = self._sqs.get_queue_attributes(QueueUrl=self._url, AttributeNames=[name])
        return int(answer["Attributes"][name])


_GONE = frozenset({"ReceiptHandleIsInvalid", "MessageNotInflight", "InvalidParameterValue"})
"""A receipt that is of no use any more; SQS names the last of them where a message was deleted."""


def _message(document: dict[str, Any]) -> Message:
    attributes = document.get("Attributes") or {}
    return Message(
        id=str(document.get("MessageId", "")),
        body=str(document.get("Body", "")),
        receipt=str(document["ReceiptHandle"]),
        receives=int(attributes.get("ApproximateReceiveCount", 1)),
    )
