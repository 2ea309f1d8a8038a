"""All evidence of each output table, put together under its declared name and format."""

from collections.abc import Iterable
from typing import Any

from pipetriage.context.delta_facts import read_delta
from pipetriage.context.table_facts import (
    read_catalog_table,
    read_entries,
    read_hudi,
    read_iceberg,
    read_listing,
)
from pipetriage.errors import SourceError
from pipetriage.model.evidence import Gap, Observation, Signal, TableKey
from pipetriage.model.facts import TableFacts
from pipetriage.model.pipeline import Pipeline


def read_tables(observations: Iterable[Observation], pipeline: Pipeline) -> tuple[tuple[TableFacts, ...], list[Gap]]:
    """Give one ``TableFacts`` for each output that is declared or was seen, and a gap for what made no sense."""
    declared = [TableKey(output.role, output.table) for output in pipeline.declared_outputs()]
    parts: dict[TableKey, dict[str, Any]] = {key: {} for key in declared}
    gaps: list[Gap] = []
    twice: dict[TableKey, set[str]] = {}
    for seen in observations:
        if seen.table is None:
            continue
        key = _matching(seen.table, declared)
        name = key.name or key.role
        try:
            part, held = _part(seen, name), parts.setdefault(key, {})
            if part.keys() & held.keys():
                twice.setdefault(key, set()).update(part)
                raise SourceError("two documents claim to be this table's: keep the one that is")
            held.update(part)
        except SourceError as error:
            gaps.append(Gap(source=f"{seen.signal}:{name}", reason=str(error)))
        else:
            if seen.signal is Signal.ICEBERG_ENTRIES and not seen.complete:
                gaps.append(Gap(source=f"{seen.signal}:{name}", reason="the manifest entries are cut short"))
    for key, fields in twice.items():
        parts[key] = {field: value for field, value in parts[key].items() if field not in fields}
    return tuple(TableFacts(key=_named(key, fields), **fields) for key, fields in parts.items()), gaps


def _matching(key: TableKey, declared: list[TableKey]) -> TableKey:
    """Find the declared table that evidence filed under this key speaks of."""
    if key in declared:
        return key
    same_role = [one for one in declared if one.role == key.role]
    if not key.name and len(same_role) == 1:
        return same_role[0]
    by_name = [one for one in same_role if _same_table(one.name.lower(), key.name.lower())]
    return by_name[0] if len(by_name) == 1 else key


def _same_table(one: str, other: str) -> bool:
    """Whether one name is the other's end, on dots: ``orders``, ``sales.orders`` and ``glue.sales.orders``."""
    return bool(other) and (f".{one}".endswith(f".{other}") or f".{other}".endswith(f".{one}"))


def _named(key: TableKey, fields: dict[str, Any]) -> TableKey:
    catalog = fields.get("catalog")
    return TableKey(key.role, catalog.name) if catalog is not None and not key.name else key


def _part(seen: Observation, name: str) -> dict[str, Any]:
    """Read one document of a table into the field it fills.

    Raises:
        SourceError: the document makes no sense.
    """
    match seen.signal:
        case Signal.TABLE:
            _expect(seen, dict)
            return {"catalog": read_catalog_table(seen, name)}
        case Signal.ICEBERG_METADATA:
            _expect(seen, dict)
            return {"iceberg": read_iceberg(seen, name)}
        case Signal.ICEBERG_ENTRIES:
            _expect(seen, list)
            entries, readable = read_entries(seen.payload)
            complete = readable and seen.complete
            return {"entries": entries, "entries_complete": complete, "entries_evidence": f"entries:{name}"}
        case Signal.TABLE_LISTING:
            return {"listing": read_listing(seen, f"listing:{name}")}
        case Signal.DELTA_LOG:
            _expect(seen, dict)
            return {"delta": read_delta(seen, name)}
        case Signal.HUDI_TIMELINE:
            return {"hudi": read_hudi(seen, name)}
    return {}


def _expect(seen: Observation, kind: type) -> None:
    if not isinstance(seen.payload, kind):
        raise SourceError(f"{seen.locator} holds no {seen.signal} document")
