"""Guarded AWS sessions. Every AWS client of pipetriage is made here; nothing else imports boto3.

A session or client made elsewhere is not guarded and cannot be handed in: ``AwsSession`` takes what to use
(``Access``), never a session. docs/aws.md says what the guard cannot see.
"""

import copy
import os
import threading
from collections.abc import Iterator
from contextlib import contextmanager, nullcontext
from difflib import get_close_matches
from typing import Any, ClassVar

import msgspec

from pipetriage import __version__
from pipetriage.aws.allowlist import ALLOWLIST, Allowed
from pipetriage.aws.guard import Guard, OwnResources
from pipetriage.aws.policy import session_policy
from pipetriage.errors import ConfigError, MissingExtraError, ReadOnlyError

try:
    import boto3
    from botocore.config import Config
    from botocore.credentials import AssumeRoleCredentialFetcher, DeferredRefreshableCredentials
    from botocore.exceptions import BotoCoreError, ClientError
    from botocore.session import Session

    from pipetriage.aws import metering
    from pipetriage.aws.failures import failure
except ModuleNotFoundError as error:
    if (error.name or "").split(".")[0] not in ("boto3", "botocore"):
        raise
    raise MissingExtraError("aws", "reading an AWS account") from error

_TRANSFERS = ("upload_file", "upload_fileobj", "copy", "download_file", "download_fileobj")
"""What boto3 adds to S3 clients. With AWS's C runtime installed they go out through a client of their own, which no
botocore session sees; sources read with ``get_object``."""


class Access(msgspec.Struct, frozen=True, kw_only=True):
    """As whom, where, and how patiently AWS is asked. None: as the AWS CLI would choose."""

    profile: str | None = None
    region: str | None = None
    role_arn: str | None = None
    """A role to take on, of this account or another. It is taken on with a policy that allows reading only."""
    external_id: str | None = None
    endpoint_url: str | None = None
    """Another address for every service: an emulator."""
    connect_timeout: float = 3.0
    """Seconds to connect, each attempt."""
    read_timeout: float = 10.0
    """Seconds between two pieces of an answer, each attempt."""
    attempts: int = 4
    """Tries of one call, the first included; botocore's adaptive mode waits between them and slows down all calls."""
    connections: int = 25
    """Open connections to each service; sources ask at the same time."""


class Identity(msgspec.Struct, frozen=True):
    """Who AWS says we are."""

    account: str
    arn: str


class AwsSession:
    """One identity in one region, behind the guard. Clients are made once and may be shared between threads."""

    _allowlist: ClassVar[tuple[Allowed, ...]] = ALLOWLIST

    def __init__(self, access: Access, own: OwnResources | None = None, same_as: "AwsSession | None" = None) -> None:
        """Open a session; nothing is sent yet. ``same_as``: one with the same credentials, which knows who we are.

        Raises:
            ConfigError: the profile or the region is unknown, or no region is named anywhere.
        """
        self._access = access
        self._own = own or OwnResources()
        # Making a client changes boto3's session; only what comes out of it may be shared.
        self._making = threading.Lock()
        self._clients: dict[tuple[str, str], Any] = {}
        self._identity: Identity | None = None
        self._same_as = same_as
        self._meter: metering.Meter | None = None
        with self.calling("opening an AWS session"):
            session = self._guarded(access.profile)
            # As the AWS CLI and the other SDKs do; botocore itself reads AWS_DEFAULT_REGION only.
            region = access.region or os.environ.get("AWS_REGION") or session.get_config_variable("region")
            self._region = _checked_region(session, region, access.endpoint_url)
            session.set_config_variable("region", self._region)
            if access.role_arn:
                session = self._in_role(session, access.role_arn)
            self._boto3 = boto3.Session(botocore_session=session, region_name=self._region)
            # After boto3's own handler, which adds them.
            session.register("creating-client-class.s3", _without_transfers)

    @property
    def region(self) -> str:
        """The region that is read."""
        return self._region

    def metered(self, meter: "metering.Meter") -> "AwsSession":
        """Give the same session, whose clients' requests are counted; others that use it are not."""
        counted = copy.copy(self)
        counted._meter = meter
        # Who we are is asked once, for all.
        counted._same_as = self
        return counted

    @property
    def boto3(self) -> Any:
        """The guarded boto3 session itself, for libraries that take one."""
        return self._boto3

    def client(self, service: str, region: str | None = None) -> Any:
        """Give the guarded client of a service (``glue``, ``logs``); the same one each time."""
        key = (service, region or self._region)
        with self._making:
            if key not in self._clients:
                with self.calling(f"a client of {service}"):
                    self._clients[key] = self._boto3.client(
                        service, region_name=key[1], endpoint_url=self._access.endpoint_url
                    )
            made = self._clients[key]
        return made if self._meter is None else metering.MeteredClient(made, self._meter)

    def identity(self) -> Identity:
        """Ask AWS who we are, once.

        Raises:
            CredentialsError: AWS does not know us; the message says what to do.
        """
        if self._same_as is not None:
            with metering.metering(self._meter) if self._meter else nullcontext():
                return self._same_as.identity()
        if self._identity is None:
            with self.calling("sts:GetCallerIdentity"):
                answer = self.client("sts").get_caller_identity()
            self._identity = Identity(account=str(answer["Account"]), arn=str(answer["Arn"]))
        return self._identity

    @contextmanager
    def calling(self, call: str) -> Iterator[None]:
        """Turn what boto3 raises within the block into our own errors; ``call`` is what is tried (``glue:GetJobRun``).

        Raises:
            SourceError: this call could not be answered; it becomes a gap.
            CredentialsError: none of them will be.
            ConfigError: the profile or region is wrong.
        """
        try:
            yield
        except (BotoCoreError, ClientError) as error:
            raise failure(error, call, self._access.profile) from error

    def _guarded(self, profile: str | None) -> Session:
        session = Session(profile=profile)
        roles = {one.get("role_arn") for one in session.full_config["profiles"].values()} | {self._access.role_arn}
        own = msgspec.structs.replace(self._own, roles=frozenset(role for role in roles if role))
        events = session.get_component("event_emitter")
        Guard(own, self._allowlist).install(events)
        metering.install(events)
        session.set_default_client_config(
            Config(
                # Nothing is to be slowed down where nothing is tried again.
                retries={
                    "mode": "adaptive" if self._access.attempts > 1 else "standard",
                    "total_max_attempts": self._access.attempts,
                },
                connect_timeout=self._access.connect_timeout,
                read_timeout=self._access.read_timeout,
                max_pool_connections=self._access.connections,
                user_agent_extra=f"pipetriage/{__version__}",
            )
        )
        session.get_scoped_config()  # raises when the profile does not exist
        return session

    def _in_role(self, base: Session, role_arn: str) -> Session:
        """Give a guarded session whose credentials are the role's, fetched when first needed and renewed."""

        def client(service: str, **kwargs: Any) -> Any:
            return base.create_client(service, endpoint_url=self._access.endpoint_url, **kwargs)

        given = {"RoleSessionName": "pipetriage", "ExternalId": self._access.external_id}
        fetcher = AssumeRoleCredentialFetcher(
            client_creator=client,
            source_credentials=base.get_credentials() or _NoCredentials(),
            role_arn=role_arn,
            extra_args={name: value for name, value in given.items() if value} | {"Policy": self._role_policy()},
        )
        session = self._guarded(self._access.profile)
        session.set_config_variable("region", self._region)
        session._credentials = DeferredRefreshableCredentials(  # botocore has no public way to set a provider's result
            method="assume-role", refresh_using=fetcher.fetch_credentials
        )
        return session

    def _role_policy(self) -> str:
        """Give the policy that a role is taken on with."""
        return session_policy(keeps_incidents=self._own.table is not None or self._own.queue_url is not None)


class _NoCredentials:
    """Stands in where there is nobody to take on the role as, so that it is told when asked and not while opening."""

    def get_frozen_credentials(self) -> Any:
        from botocore.exceptions import NoCredentialsError

        raise NoCredentialsError


def _checked_region(session: Session, region: str | None, endpoint_url: str | None) -> str:
    if not region:
        raise ConfigError("no AWS region is named: name it with --region, AWS_REGION, or in the profile")
    partitions = session.get_available_partitions()
    known = {one for partition in partitions for one in session.get_available_regions("sts", partition)}
    if region in known or endpoint_url is not None:
        return region
    near = ", ".join(get_close_matches(region, sorted(known), 3)) or "eu-west-1, us-east-1, …"
    raise ConfigError(
        f"{region!r} is no AWS region that the installed botocore knows: name another with --region ({near}), "
        "or upgrade botocore if the region is new"
    )


def _without_transfers(class_attributes: dict[str, Any], **_: Any) -> None:
    for name in _TRANSFERS:
        class_attributes[name] = _refused(name)


def _refused(name: str) -> Any:
    def refuse(self: Any, *_: Any, **__: Any) -> None:
        raise ReadOnlyError(f"s3:{name}", "is a managed transfer, which may go out by another way than the guard's")

    return refuse
