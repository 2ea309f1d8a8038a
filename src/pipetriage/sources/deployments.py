"""What was deployed before the run, from where the pipeline declares it, as ``deployments.json`` has it.

Each is ``{"version", "deployed_at", "commit", "author", "changed_paths"}``; what a place does not know is None. The
versions that job arguments name (``--code_version``) are read by ``context`` from the runs themselves.
"""

from collections.abc import Callable, Iterator, Mapping
from datetime import datetime
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

import msgspec

from pipetriage.errors import SourceError
from pipetriage.model.times import parse_time
from pipetriage.sources.deployed import MAX_DEPLOYMENTS, Deployment, Deployments, deployment
from pipetriage.sources.files import read_json
from pipetriage.sources.local_files import Answer

if TYPE_CHECKING:
    # An extra: a repository or a file is read without it.
    from pipetriage.aws.session import AwsSession

MAX_OBJECTS = 6
"""Objects with the job's code whose versions are listed: the script, then its libraries."""
MAX_FILE_BYTES = 8 * 1024 * 1024

_LIBRARIES = ("--extra-py-files", "--extra-jars", "--extra-files")
_KINDS = 'script, "codepipeline:NAME", "codedeploy:APP/GROUP", "git:PATH", "file:PATH" or "s3://BUCKET/KEY"'


def deployments_of(
    aws: "AwsSession | None",
    declared: Mapping[str, str] | str | None,
    job: Mapping[str, Any],
    base: Path,
    *,
    since: datetime | None = None,
) -> Answer:
    """Give the deployments since then and the last one before, oldest first.

    ``declared`` is one place (``git:../etl``), or several as a table (``{git = "../etl", codepipeline = "etl"}``);
    undeclared, the versions of the job's script in S3 tell when it was replaced. ``job`` is the Job document. Paths
    are relative to ``base``. The answer is complete when no place holds back a deployment since then; without
    ``since``, when every place answered.

    Raises:
        SourceError: no place could be read, or one that is declared makes no sense.
        CredentialsError: AWS does not know us.
    """
    answers: list[Deployments] = []
    refused: list[SourceError] = []
    for read in list(_places(aws, declared, job, base)):
        try:
            answers.append(read())
        except SourceError as error:
            refused.append(error)
    if not answers:
        raise refused[0]
    found = [one for answer in answers for one in answer.found]
    found.sort(key=lambda one: at.timestamp() if (at := parse_time(one.get("deployed_at"))) else 0.0)
    complete = not refused and all(answer.whole or _reaches(answer.found, since) for answer in answers)
    return Answer(_recent(found, since), ", ".join(answer.locator for answer in answers), complete=complete)


def _reaches(found: list[Deployment], since: datetime | None) -> bool:
    return since is None or any((at := parse_time(one.get("deployed_at"))) and at < since for one in found)


def _recent(found: list[Deployment], since: datetime | None) -> list[Deployment]:
    """Leave out those that were replaced before then; the last of them is what ran until the next."""
    if since is None:
        return found
    old = [at is not None and at < since for one in found for at in [parse_time(one.get("deployed_at"))]]
    last = max((place for place, is_old in enumerate(old) if is_old), default=-1)
    return [one for place, one in enumerate(found) if not old[place] or place == last]


def _places(
    aws: "AwsSession | None", declared: Mapping[str, str] | str | None, job: Mapping[str, Any], base: Path
) -> Iterator[Callable[[], Deployments]]:
    named = declared or "script"
    kind, _, place = named.partition(":") if isinstance(named, str) else ("", "", "")
    pairs = [(kind, place)] if isinstance(named, str) else list(named.items())
    for kind, value in pairs:
        match kind:
            case "script":
                yield partial(_script, aws, job)
            case "codepipeline":
                yield partial(_codepipeline, aws, value)
            case "codedeploy":
                yield partial(_codedeploy, aws, value)
            case "git":
                yield partial(_git, value, base)
            case "file":
                yield partial(_file, base / value)
            case "s3":
                yield partial(_object, aws, value if value.startswith("s3:") else f"s3:{value}")
            case _:
                raise SourceError(f"deployments cannot come from {kind!r}: declare {_KINDS}")


def _needed(aws: "AwsSession | None", what: str) -> "AwsSession":
    if aws is None:
        raise SourceError(f"no AWS account is read, so {what} cannot be asked for deployments")
    return aws


# Elsewhere


def _script(aws: "AwsSession | None", job: Mapping[str, Any]) -> Deployments:
    return script_versions(_needed(aws, "the job's script"), job)


def _codepipeline(aws: "AwsSession | None", name: str) -> Deployments:
    from pipetriage.sources.code_pipelines import codepipeline_deployments

    return codepipeline_deployments(_needed(aws, "CodePipeline"), name)


def _codedeploy(aws: "AwsSession | None", name: str) -> Deployments:
    from pipetriage.sources.code_pipelines import codedeploy_deployments

    application, _, group = name.partition("/")
    return codedeploy_deployments(_needed(aws, "CodeDeploy"), application, group)


def _git(place: str, base: Path) -> Deployments:
    from pipetriage.sources.git_history import git_commits

    path, _, ref = place.partition("#")
    return git_commits(base / path, ref or "HEAD")


# Files


def _file(path: Path) -> Deployments:
    return Deployments(_written(read_json(path), path.name), str(path), whole=True)


def _object(aws: "AwsSession | None", uri: str) -> Deployments:
    from pipetriage.sources.s3_objects import object_bytes

    data = object_bytes(_needed(aws, uri), uri, MAX_FILE_BYTES)
    try:
        document = msgspec.json.decode(data)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as error:
        raise SourceError(f"{uri} is not valid JSON ({error}): write it again") from error
    return Deployments(_written(document, uri), uri, whole=True)


def _written(document: Any, name: str) -> list[Deployment]:
    members = document.get("deployments") if isinstance(document, dict) else document
    if not isinstance(members, list) or not all(isinstance(one, dict) for one in members):
        raise SourceError(f"{name} is no list of deployments: write it as docs/bundles.md says of deployments.json")
    return members


# The job's own objects


def script_versions(aws: "AwsSession", job: Mapping[str, Any]) -> Deployments:
    """Give the versions of the job's script and libraries in S3, each a deployment.

    In a bucket that keeps no versions the one that is there tells when it was put. One that was deleted is told as
    the version ``deleted``.

    Raises:
        SourceError: the job names no script in S3, or it may not be read.
    """
    uris = _code_objects(job)
    if not uris:
        raise SourceError("the job names no script in S3")
    found: list[Deployment] = []
    whole = True
    refused: SourceError | None = None
    for uri in uris:
        try:
            versions, all_of_it = _versions(aws, uri)
        except SourceError as error:
            refused = refused or error
            continue
        found += versions
        whole = whole and all_of_it
    if not found:
        raise refused or SourceError(f"{uris[0]} is not there, and was not since versions are kept")
    return Deployments(found, ", ".join(uris), whole=whole and refused is None)


def _code_objects(job: Mapping[str, Any]) -> list[str]:
    body = job.get("Job", job)
    arguments = body.get("DefaultArguments") or {}
    named = [(body.get("Command") or {}).get("ScriptLocation")]
    named += [one.strip() for key in _LIBRARIES for one in str(arguments.get(key) or "").split(",")]
    return [one for one in dict.fromkeys(named) if one and one.startswith(("s3://", "s3a://"))][:MAX_OBJECTS]


def _versions(aws: "AwsSession", uri: str) -> tuple[list[Deployment], bool]:
    from pipetriage.sources.s3 import place_of

    bucket, key = place_of(uri)
    try:
        with aws.calling(f"s3:ListObjectVersions of {uri}"):
            # The key's own versions come before those of keys that it begins, newest first (API reference).
            page = aws.client("s3").list_object_versions(Bucket=bucket, Prefix=key, MaxKeys=MAX_DEPLOYMENTS)
    except SourceError:
        return _current(aws, uri), False
    name = key.rpartition("/")[2]
    own = [one for one in page.get("Versions", ()) if one["Key"] == key]
    gone = [one for one in page.get("DeleteMarkers", ()) if one["Key"] == key]
    found = [deployment(f"{name}@{_version_of(one)}", one["LastModified"], changed_paths=[key]) for one in own] + [
        deployment("deleted", one["LastModified"], changed_paths=[key]) for one in gone
    ]
    return found, not page.get("IsTruncated") or page.get("NextKeyMarker") != key


def _current(aws: "AwsSession", uri: str) -> list[Deployment]:
    """Give what is there now, to whom the versions are not shown."""
    from pipetriage.sources.s3 import place_of

    bucket, key = place_of(uri)
    with aws.calling(f"s3:HeadObject of {uri}"):
        one = aws.client("s3").head_object(Bucket=bucket, Key=key)
    return [deployment(f"{key.rpartition('/')[2]}@{_version_of(one)}", one["LastModified"], changed_paths=[key])]


def _version_of(one: Mapping[str, Any]) -> str:
    version = one.get("VersionId")
    # Where no versions are kept, the content's own mark tells them apart.
    return str(version if version and version != "null" else one.get("ETag", "")).strip('"')[:12]
