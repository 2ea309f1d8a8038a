"""The one error tree.

PipetriageError                 anything this program says no with; the message names the fix
├── UsageError                  the command line or a target is wrong            (exit 2)
├── ConfigError                 pipetriage.toml or a declaration is wrong        (exit 2)
├── TargetError                 the run to triage cannot be identified or read   (exit 3)
│   └── BundleError             a bundle has no readable bundle.json
├── EventError                   an event from a queue cannot be used; it goes to the dead letters, with the reason
├── SourceError                 one source cannot answer; becomes a Gap, never ends a triage
│   └── UnansweredError         it was not reached, throttled or broken: it may answer later
├── CredentialsError            AWS does not know us: no credentials, expired, refused (exit 3)
├── ReadOnlyError               an AWS call that is not a read was refused before it was sent (exit 3)
├── DeliveryError               a channel did not take a message; it is tried again
│   └── RefusedError            it never will: a wrong address, secret or form
├── MissingExtraError           an optional dependency is absent; names the extra (exit 3)
└── StoreError                  the incident store cannot be read or written     (exit 3)
"""


class PipetriageError(Exception):
    """Base of every error this package raises on purpose.

    The message is for the person at the terminal: it says what is wrong and what to do about it.
    """

    exit_code = 3


class UsageError(PipetriageError):
    """The command line asks for something that does not exist."""

    exit_code = 2


class ConfigError(PipetriageError):
    """A settings file or a pipeline declaration cannot be used as written."""

    exit_code = 2


class TargetError(PipetriageError):
    """The run to triage cannot be identified or read."""


class BundleError(TargetError):
    """A folder is not an incident bundle: its ``bundle.json`` is absent, unreadable or of another version."""


class EventError(PipetriageError):
    """An event cannot be used, now or later: it is malformed, or tells of an account that is not read."""


class SourceError(PipetriageError):
    """One source cannot answer. Caught where evidence is collected and turned into a ``Gap``."""


class UnansweredError(SourceError):
    """A source that may well answer later: it was throttled, out of reach, too slow, or broken on its own side.

    Every other ``SourceError`` lasts until somebody changes something (a grant, a declaration, the data).
    """


class CredentialsError(PipetriageError):
    """AWS does not know us: there are no credentials, they have expired, or they cannot be fetched."""


class ReadOnlyError(PipetriageError):
    """An AWS call that is not on the allowlist, refused before a byte was sent. Seeing it is a defect of ours."""

    def __init__(self, operation: str, why: str) -> None:
        super().__init__(
            f"refused before it was sent: {operation} {why}. pipetriage only reads: if a source needs this call, "
            "add it to pipetriage/aws/allowlist.py; our own table and queue are named in the settings (docs/aws.md)"
        )
        self.operation = operation


class DeliveryError(PipetriageError):
    """A channel did not take a message: out of reach, too slow, too busy, or broken on its own side."""

    def __init__(self, why: str, *, retry_after: float | None = None) -> None:
        super().__init__(why)
        self.retry_after = retry_after
        """Seconds that the receiver asks us to wait; None: it says nothing."""


class RefusedError(DeliveryError):
    """A channel will not take a message, however often it is tried: a wrong address, secret or form."""


class MissingExtraError(PipetriageError):
    """An optional dependency is not installed."""

    def __init__(self, extra: str, purpose: str) -> None:
        super().__init__(f"{purpose} needs the '{extra}' extra: pip install 'pipetriage[{extra}]'")
        self.extra = extra


class StoreError(PipetriageError):
    """The incident store cannot be read or written."""
