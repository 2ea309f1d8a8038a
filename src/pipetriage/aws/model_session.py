"""The session that asks a language model on Amazon Bedrock: it can do that, and nothing else."""

from typing import ClassVar

from pipetriage.aws.allowlist import MODEL_ALLOWLIST, Allowed
from pipetriage.aws.policy import model_policy
from pipetriage.aws.session import AwsSession


class ModelSession(AwsSession):
    """As whom a model is asked. It shares no client with the sessions that read, whose guard allows no model."""

    _allowlist: ClassVar[tuple[Allowed, ...]] = MODEL_ALLOWLIST

    def _role_policy(self) -> str:
        return model_policy()
