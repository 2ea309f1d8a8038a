"""A Delta table's log in the same terms as Iceberg's snapshots (Delta's actions add, remove, commitInfo, txn)."""

import re
from collections.abc import Mapping
from itertools import pairwise
from typing import Any
from urllib.parse import unquote

import msgspec

from pipetriage.context.reading import integer, items, mapping, normal_uri, real, text
from pipetriage.context.table_facts import read_columns
from pipetriage.errors import SourceError
from pipetriage.model.evidence import Observation
from pipetriage.model.facts import Column, DataFile, DeltaTable, Snapshot
from pipetriage.model.times import parse_time

_COMMIT_FILE = re.compile(r"^(\d{20})\.json$")
_CHECKPOINT_FILE = re.compile(r"^(\d{20})\.checkpoint(?:\.[0-9a-fA-F.-]{1,80})?\.(?:parquet|json)$")
# What else is written of a version: its checksum, and a compacted range of commits that ends with it.
_SPEAKS_OF = re.compile(r"^(?:\d{20}\.)?(\d{20})\.(?:crc|compacted\.json)$")
_STAGED_FOLDER = "_staged_commits"
# Table features by which the catalog, not the log folder, says which commits count (catalogManaged and its previews).
_CATALOG_MANAGED = ("catalogmanaged", "catalogowned")

# Delta's commitInfo.operation to Iceberg's four operations, which the rules speak.
_COMPACTIONS = frozenset({"OPTIMIZE", "VACUUM START", "VACUUM END", "REORG", "CLUSTER BY"})
_NO_DATA = frozenset({"SET TBLPROPERTIES", "UNSET TBLPROPERTIES", "ADD COLUMNS", "CHANGE COLUMN", "CREATE TABLE"})


def read_delta(seen: Observation, name: str) -> DeltaTable:
    """Read ``{file name: [actions]}``.

    Raises:
        SourceError: no commit file is there, one is corrupt or has no time, or the catalog holds the newest ones.
    """
    commits: dict[int, list[Any]] = {}
    checkpoints: list[int] = []
    spoken_of: list[int] = []
    for file, actions in sorted(mapping(seen.payload).items()):
        if found := _COMMIT_FILE.match(file):
            if actions is None:
                raise SourceError(f"{file} of the Delta log is corrupt: copy it again")
            commits[int(found[1])] = actions
        elif found := _CHECKPOINT_FILE.match(file):
            checkpoints.append(int(found[1]))
        elif found := _SPEAKS_OF.match(file):
            spoken_of.append(int(found[1]))
    if not commits:
        raise SourceError("the Delta log holds no commit file (00000000000000000000.json, …): copy _delta_log again")
    if _catalog_managed(mapping(seen.payload), commits):
        raise SourceError(
            "the Delta table is catalog-managed: its newest commits are its catalog's, not the log folder's; "
            "ask the catalog for them, or treat the table as unobserved"
        )
    first, last = min(commits), max(commits)
    snapshots: list[Snapshot] = []
    files: list[DataFile] = []
    columns: tuple[Column, ...] = ()
    for version in sorted(commits):
        snapshot, touched, schema = _commit(version, commits[version])
        snapshots.append(snapshot)
        files.extend(touched)
        columns = schema or columns
    return DeltaTable(
        first_version=first,
        checkpoint_version=max((version for version in checkpoints if version <= last), default=None),
        missing_versions=_missing(sorted(commits), max([*checkpoints, *spoken_of], default=last)),
        snapshots=tuple(snapshots),
        files=tuple(files),
        columns=columns,
        evidence=f"delta:{name}",
        observed_at=seen.observed_at,
    )


def _catalog_managed(files: Mapping[str, Any], commits: Mapping[int, list[Any]]) -> bool:
    """Whether the newest protocol that was read, or a folder of staged commits, says so."""
    if any(file.split("/", 1)[0] == _STAGED_FOLDER for file in files):
        return True
    protocols = (mapping(action, "protocol") for version in sorted(commits) for action in commits[version])
    newest: Mapping[str, Any] = {}
    for protocol in protocols:
        newest = protocol or newest
    features = (*items(newest.get("readerFeatures")), *items(newest.get("writerFeatures")))
    return any(str(feature).lower().startswith(_CATALOG_MANAGED) for feature in features)


def _missing(versions: list[int], spoken_of: int) -> tuple[int, ...]:
    """Name the first version of every hole, and one that only a checkpoint or checksum speaks of; never counts on."""
    holes = [one + 1 for one, following in pairwise(versions) if following != one + 1]
    return (*holes, versions[-1] + 1) if spoken_of > versions[-1] else tuple(holes)


def _commit(version: int, actions: list[Any]) -> tuple[Snapshot, list[DataFile], tuple[Column, ...]]:
    info: Mapping[str, Any] = {}
    transactions: list[Mapping[str, Any]] = []
    files: list[DataFile] = []
    columns: tuple[Column, ...] = ()
    for action in actions:
        info = mapping(action, "commitInfo") or info
        if txn := mapping(action, "txn"):
            transactions.append(txn)
        if schema := text(mapping(action, "metaData"), "schemaString"):
            columns = _schema(schema)
        for key, status in (("add", 1), ("remove", 2)):
            if file := mapping(action, key):
                files.append(_file(version, file, status))
    committed = parse_time(info.get("inCommitTimestamp", info.get("timestamp")))
    if committed is None:
        raise SourceError(f"version {version} of the Delta log has no commitInfo.timestamp: its time is unknown")
    summary = _transaction_stamps(transactions)
    # delta-rs writes a commit's custom metadata as fields of commitInfo, Spark as userMetadata.
    summary |= {str(key): value for key in info if (value := text(info, str(key))) is not None}
    summary |= {str(key): str(value) for key, value in mapping(info, "userMetadata").items()}
    if user := text(info, "userMetadata"):
        summary |= _user_metadata(user)
    operation = text(info, "operation") or ""
    snapshot = Snapshot(
        snapshot_id=str(version),
        parent_id=str(version - 1) if version else None,
        sequence_number=version,
        committed_at=committed,
        operation=_operation(operation, mapping(info, "operationParameters"), files),
        summary=summary
        | {"delta-operation": operation}
        | {
            name: str(sum(file.status == status for file in files))
            for name, status in (("added-data-files", 1), ("deleted-data-files", 2))
        },
        evidence=f"snapshot:{version}",
    )
    return snapshot, files, columns


def _transaction_stamps(transactions: list[Mapping[str, Any]]) -> dict[str, str]:
    """Keep every application of the commit: ``txn-app-id``, ``txn-app-id-2``, …, and each one's version by its id."""
    versions = {str(text(txn, "appId") or "txn"): str(text(txn, "version") or "") for txn in transactions}
    return versions | {
        "txn-app-id" if number == 1 else f"txn-app-id-{number}": text(txn, "appId") or ""
        for number, txn in enumerate(transactions, 1)
    }


def _operation(operation: str, parameters: Mapping[str, Any], files: list[DataFile]) -> str:
    # A table may be made together with its data, so what the operation is called is not enough.
    if operation in _COMPACTIONS or (operation in _NO_DATA and not files):
        return "replace"
    if operation == "WRITE" and (text(parameters, "mode") or "").lower() == "append":
        return "append"
    if any(file.status == 2 for file in files):
        return "overwrite" if any(file.status == 1 for file in files) else "delete"
    if operation in {"MERGE", "WRITE", "CREATE OR REPLACE TABLE AS SELECT", "REPLACE TABLE AS SELECT"}:
        return "overwrite" if operation != "WRITE" or parameters.get("mode") else "append"
    return "append" if files else "replace"


def _file(version: int, file: Mapping[str, Any], status: int) -> DataFile:
    statistics: Any = {}
    if raw := text(file, "stats"):
        try:
            statistics = msgspec.json.decode(raw)
        except (msgspec.DecodeError, RecursionError):
            statistics = {}
    return DataFile(
        snapshot_id=str(version),
        status=status,
        content=0,
        uri=normal_uri(unquote(text(file, "path") or "")),
        partition={
            str(key): None if value is None else str(value) for key, value in mapping(file, "partitionValues").items()
        },
        records=int(real(mapping(statistics), "numRecords") or 0),
        size=integer(file, "size") or 0,
    )


def _user_metadata(raw: str) -> dict[str, str]:
    """Read ``userMetadata``, which jobs commonly fill with JSON or key=value pairs, as stamps."""
    try:
        document = msgspec.json.decode(raw)
    except (msgspec.DecodeError, RecursionError):
        pairs = (piece.partition("=") for piece in re.split(r"[,;]", raw))
        return {key.strip(): value.strip() for key, separator, value in pairs if separator}
    return {str(key): str(value) for key, value in mapping(document).items()}


def _schema(raw: str) -> tuple[Column, ...]:
    try:
        return read_columns(items(msgspec.json.decode(raw), "fields"))
    except (msgspec.DecodeError, RecursionError):
        return ()
