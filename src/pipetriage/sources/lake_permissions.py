"""What the run's role was allowed, and what it was refused: Lake Formation's grants, CloudTrail's refusals.

Asked for only where a refusal is suspected. Neither proves that a call *would* be allowed: IAM, KMS and the bucket's
own policy decide too, and CloudTrail has no S3 reads and writes unless a trail was set up for data events.
"""

import json
import re
import time
from collections.abc import Callable, Mapping
from datetime import datetime
from typing import Any

from pipetriage.aws.policy import partition_of
from pipetriage.aws.session import AwsSession
from pipetriage.errors import SourceError
from pipetriage.sources.documents import plain
from pipetriage.sources.local_files import Answer
from pipetriage.sources.s3 import place_of

MAX_GRANT_PAGES = 10
"""Pages of grants, of up to 1,000 each (API reference, MaxResults); a table has tens."""
MAX_TRAIL_PAGES = 10
"""Pages of CloudTrail events, of up to 50 each (API reference, MaxResults): five seconds at two calls a second."""
MAX_DENIED = 50
"""Refused calls kept; a job that is refused repeats itself."""
TRAIL_SECONDS = 0.5
"""Between two lookups: two a second for the whole account and region (CloudTrail API reference, LookupEvents)."""
GLUE_SESSION = "GlueJobRunnerSession"
"""The session name under which Glue takes on a job's role, hence the user name of its calls in CloudTrail."""

# The two groups that a grant may be made to instead of a principal: IAM alone decides, and everyone in an account
# (Terraform provider for AWS, aws_lakeformation_permissions, "principal").
_EVERYBODY = re.compile(r"IAM_ALLOWED_PRINCIPALS|\d{12}:IAMPrincipals")
_REFUSED = re.compile(r"(?i)denied|unauthorized|forbidden|notauthorized")
_ROLE = re.compile(r"(?:arn:[\w-]+:iam::(?P<account>\d{12}):role/)?(?:[^\s:]*/)?(?P<name>[\w+=,.@-]{1,64})")
_ASSUMED = re.compile(r"arn:[\w-]+:sts::(?P<account>\d{12}):assumed-role/(?P<name>[\w+=,.@-]{1,64})/.+")


def effective_permissions(aws: AwsSession, place: str, role_arn: str) -> Answer:
    """Give what Lake Formation lets a role do with a table (``database.table``) or a location (``s3://…``).

    The answer has the shape of ListPermissions (``PrincipalResourcePermissions``), with the grants to the role and to
    everybody; an empty list says that there is none.

    Raises:
        SourceError: it may not be asked, or the place is neither a table nor a location.
        CredentialsError: AWS does not know us.
    """
    if "://" in place:
        call, grants, complete = _by_path(aws, place)
    else:
        call, grants, complete = _by_table(aws, place)
    own = [one for one in grants if _is_for(one, role_arn)]
    return Answer({"PrincipalResourcePermissions": own}, f"{call} {place}", complete=complete)


def denied_calls(
    aws: AwsSession,
    role: str,
    since: datetime,
    until: datetime,
    *,
    session_name: str = GLUE_SESSION,
    pause: Callable[[float], None] = time.sleep,
) -> Answer:
    """Give the calls that were refused to a role (name or ARN) in a time, newest first, as LookupEvents' ``Events``.

    CloudTrail delivers a call about five minutes after it was made, or later: an empty answer proves nothing about a
    run that has just ended.

    Raises:
        SourceError: the events may not be looked up, or the role's name makes no sense.
        CredentialsError: AWS does not know us.
    """
    wanted = _ROLE.fullmatch(role)
    if wanted is None:
        raise SourceError("the job's role is no role's name or ARN, so that its refused calls cannot be looked up")
    window = {"StartTime": since, "EndTime": until}
    by_name = [{"AttributeKey": "Username", "AttributeValue": session_name}]
    denied: list[Any] = []
    token: str | None = None
    for number in range(MAX_TRAIL_PAGES):
        if number:
            pause(TRAIL_SECONDS)
        more = {"NextToken": token} if token else {}
        with aws.calling("cloudtrail:LookupEvents"):
            page = aws.client("cloudtrail").lookup_events(LookupAttributes=by_name, **window, **more)
        denied += [plain(one) for one in page.get("Events", ()) if _was_refused(one, wanted)]
        token = page.get("NextToken")
        if not token or len(denied) >= MAX_DENIED:
            break
    whole = token is None and len(denied) <= MAX_DENIED
    return Answer({"Events": denied[:MAX_DENIED]}, f"cloudtrail:LookupEvents of {wanted['name']}", complete=whole)


def _by_path(aws: AwsSession, location: str) -> tuple[str, list[Any], bool]:
    bucket, key = place_of(location)
    arn = f"arn:{partition_of(aws.region)}:s3:::{bucket}/{key}".rstrip("/")
    call = "lakeformation:GetEffectivePermissionsForPath"
    found, complete = _pages(aws, call, "get_effective_permissions_for_path", "Permissions", {"ResourceArn": arn})
    return call, found, complete


def _by_table(aws: AwsSession, table: str) -> tuple[str, list[Any], bool]:
    parts = [part.strip('`"') for part in table.split(".")]
    if len(parts) < 2 or not all(parts):
        raise SourceError(f"the name {table!r} is no database.table, so its grants cannot be asked for")
    resource = {"Table": {"DatabaseName": parts[-2], "Name": parts[-1]}}
    call = "lakeformation:ListPermissions"
    found, complete = _pages(
        *(aws, call, "list_permissions", "PrincipalResourcePermissions"),
        {"ResourceType": "TABLE", "Resource": resource},
    )
    return call, found, complete


def _pages(aws: AwsSession, call: str, method: str, member: str, request: Mapping[str, Any]) -> tuple[list[Any], bool]:
    found: list[Any] = []
    token: str | None = None
    for _ in range(MAX_GRANT_PAGES):
        more = {"NextToken": token} if token else {}
        with aws.calling(call):
            page = plain(getattr(aws.client("lakeformation"), method)(**request, **more))
        found += page.get(member) or []
        token = page.get("NextToken")
        if not token:
            break
    return found, token is None


def _is_for(grant: Mapping[str, Any], role_arn: str) -> bool:
    principal = str((grant.get("Principal") or {}).get("DataLakePrincipalIdentifier") or "")
    if _EVERYBODY.fullmatch(principal):
        return True
    # A job may name its role without the ARN around it.
    return principal == role_arn or (":" not in role_arn and principal.rpartition("/")[2] == role_arn)


def _was_refused(event: Mapping[str, Any], role: re.Match[str]) -> bool:
    """Whether it is a refused call made as this role; the user name alone is that of every Glue job."""
    try:
        record = json.loads(event.get("CloudTrailEvent") or "{}")
    except (ValueError, RecursionError):
        return False
    if not isinstance(record, dict) or not _REFUSED.search(str(record.get("errorCode") or "")):
        return False
    identity = record.get("userIdentity")
    caller = _ASSUMED.fullmatch(str(identity.get("arn") or "")) if isinstance(identity, dict) else None
    if caller is None or caller["name"] != role["name"]:
        return False
    return role["account"] is None or caller["account"] == role["account"]
