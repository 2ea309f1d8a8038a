"""A small Iceberg REST catalog over the hadoop tables of a platform: real clients commit through it, or fail to."""

import copy
import json
import re
import threading
import time
from pathlib import Path
from typing import Any

Answer = tuple[int, dict[str, Any] | None]


def error(status: int, kind: str, message: str) -> Answer:
    """Answer as the specification's ErrorModel."""
    return status, {"error": {"message": message, "type": kind, "code": status}}


class Catalog:
    """Loads tables and commits to them; a table's metadata stays where a hadoop catalog would have it."""

    def __init__(self, warehouse: Path) -> None:
        self._warehouse = warehouse
        self._lock = threading.Lock()

    def answer(self, method: str, path: str, body: bytes) -> Answer:
        """Answer one request."""
        if path.endswith("/v1/config"):
            return 200, {"defaults": {}, "overrides": {}}
        if path.endswith("/metrics"):
            return 204, None
        found = re.search(r"/v1/namespaces/([^/]+)(?:/tables/([^/]+))?$", path)
        if found is None:
            return error(404, "NoSuchNamespaceException", f"Not found: {path}")
        if found[2] is None:
            return 200, {"namespace": [found[1]], "properties": {}}
        folder = self._warehouse / found[1] / found[2]
        if not (folder / "metadata" / "version-hint.text").exists():
            return error(404, "NoSuchTableException", f"Table does not exist: {found[1]}.{found[2]}")
        if method == "POST":
            with self._lock:
                return self._commit(folder, json.loads(body))
        location, metadata = _current(folder)
        return 200, {"metadata-location": location, "metadata": metadata, "config": {}}

    def _commit(self, folder: Path, request: dict[str, Any]) -> Answer:
        location, metadata = _current(folder)
        for requirement in request.get("requirements", ()):
            if requirement["type"] == "assert-ref-snapshot-id":
                ref = metadata.get("refs", {}).get(requirement["ref"])
                now, wanted = ref and ref["snapshot-id"], requirement.get("snapshot-id")
                if now != wanted:
                    why = f"Requirement failed: branch {requirement['ref']} has changed: expected id {wanted} != {now}"
                    return error(409, "CommitFailedException", why)
        changed = copy.deepcopy(metadata)
        for update in request.get("updates", ()):
            _apply(changed, update)
        changed["last-updated-ms"] = int(time.time() * 1000)
        changed["metadata-log"] = [
            *metadata.get("metadata-log", ()),
            {"timestamp-ms": metadata["last-updated-ms"], "metadata-file": location},
        ]
        return 200, {"metadata-location": _write(folder, changed), "metadata": changed, "config": {}}


def _apply(metadata: dict[str, Any], update: dict[str, Any]) -> None:
    match update["action"]:
        case "add-snapshot":
            snapshot = update["snapshot"]
            metadata.setdefault("snapshots", []).append(snapshot)
            metadata["last-sequence-number"] = snapshot["sequence-number"]
        case "set-snapshot-ref":
            ref = {key: value for key, value in update.items() if key not in {"action", "ref-name"}}
            metadata.setdefault("refs", {})[update["ref-name"]] = ref
            if update["ref-name"] == "main":
                metadata["current-snapshot-id"] = update["snapshot-id"]
                entry = {"timestamp-ms": int(time.time() * 1000), "snapshot-id": update["snapshot-id"]}
                metadata.setdefault("snapshot-log", []).append(entry)
        case "set-properties":
            metadata.setdefault("properties", {}).update(update["updates"])
        case "add-schema":
            metadata["schemas"].append(update["schema"])
            metadata["last-column-id"] = update.get("last-column-id", metadata["last-column-id"])
        case "set-current-schema":
            wanted = update["schema-id"]
            metadata["current-schema-id"] = metadata["schemas"][-1]["schema-id"] if wanted == -1 else wanted
        case _:
            pass


def _current(folder: Path) -> tuple[str, dict[str, Any]]:
    version = (folder / "metadata" / "version-hint.text").read_text(encoding="ascii").strip()
    file = folder / "metadata" / f"v{version}.metadata.json"
    return f"file:{file}", json.loads(file.read_text(encoding="utf-8"))


def _write(folder: Path, metadata: dict[str, Any]) -> str:
    hint = folder / "metadata" / "version-hint.text"
    version = int(hint.read_text(encoding="ascii").strip()) + 1
    file = folder / "metadata" / f"v{version}.metadata.json"
    file.write_text(json.dumps(metadata), encoding="utf-8")
    hint.write_text(str(version), encoding="ascii")
    return f"file:{file}"
