"""pyiceberg behind the guard: it reads tables in S3, and cannot write."""

import gc
from pathlib import Path
from typing import Any

import pytest
from pyiceberg.exceptions import NoSuchTableError
from pyiceberg.io import load_file_io
from pyiceberg.table import StaticTable

from pipetriage.aws import file_io
from pipetriage.aws.file_io import file_io_properties, read_object
from pipetriage.aws.session import AwsSession
from pipetriage.errors import ReadOnlyError, SourceError
from pipetriage.sources.files import read_json
from tests.emulated.account import EmulatedAccount
from tests.emulated.bundle import load_bundle

CASE = Path(__file__).parents[2] / "cases/new_column"


def _table(account: EmulatedAccount, aws: AwsSession) -> StaticTable:
    load_bundle(account, CASE)
    account.door.calls.clear()
    found = aws.client("glue").get_table(DatabaseName="sales", Name="orders")["Table"]
    return StaticTable.from_metadata(found["Parameters"]["metadata_location"], file_io_properties(aws))


def test_a_table_is_read_from_the_catalogs_word_to_its_files(account: EmulatedAccount) -> None:
    aws = account.session()
    table = _table(account, aws)
    document = read_json(CASE / "iceberg/target.metadata.json")
    assert [one.snapshot_id for one in table.snapshots()] == [one["snapshot-id"] for one in document["snapshots"]]
    planned = [task.file.file_path for task in table.scan(row_filter="order_date = '2026-11-18'").plan_files()]
    assert len(planned) == 1
    assert "order_date=2026-11-18" in planned[0]
    assert table.inspect.files().num_rows == 4
    assert set(account.door.calls) == {"glue:GetTable", "s3:GetObject"}


def test_nothing_is_written(account: EmulatedAccount) -> None:
    aws = account.session()
    table = _table(account, aws)
    with pytest.raises(ReadOnlyError, match="s3:PutObject"):
        table.io.new_output("s3://acme-lake/x")
    with pytest.raises(ReadOnlyError, match="s3:DeleteObject"):
        table.io.delete("s3://acme-lake/x")
    with pytest.raises((ReadOnlyError, NotImplementedError)):
        table.append(_rows(table))
    assert not [call for call in account.door.calls if not call.startswith(("s3:Get", "s3:Head", "glue:Get"))]


def _rows(table: StaticTable) -> Any:
    return table.schema().as_arrow().empty_table()


def test_a_catalog_over_the_guard_reads_and_cannot_commit(account: EmulatedAccount) -> None:
    from pyiceberg.catalog.glue import GlueCatalog

    aws = account.session()
    _table(account, aws)
    catalog = GlueCatalog("glue", client=aws.client("glue"), **file_io_properties(aws))
    table = catalog.load_table("sales.orders")
    assert len(table.snapshots()) == 4
    with pytest.raises(ReadOnlyError), table.transaction() as change:
        change.set_properties({"owner": "somebody"})
    with pytest.raises(ReadOnlyError):
        catalog.drop_table("sales.orders")
    with pytest.raises(NoSuchTableError):
        catalog.load_table("sales.nothing")


def test_an_object_that_is_not_there(account: EmulatedAccount) -> None:
    account.put_object("s3://acme-lake/there", b"abc")
    aws = account.session()
    files = load_file_io(file_io_properties(aws))
    assert files.new_input("s3://acme-lake/there").exists()
    assert len(files.new_input("s3a://acme-lake/there")) == 3
    assert not files.new_input("s3://acme-lake/not").exists()
    for location in ("s3://acme-lake/not", "s3://no-bucket/x", "file:///etc/passwd", "s3://acme-lake"):
        with pytest.raises(SourceError):
            read_object(aws, location)


def test_an_object_that_is_too_large_is_not_read(account: EmulatedAccount, monkeypatch: pytest.MonkeyPatch) -> None:
    account.put_object("s3://acme-lake/large", b"x" * 11)
    monkeypatch.setattr(file_io, "MAX_BYTES", 10)
    with pytest.raises(SourceError, match="11 bytes"):
        read_object(account.session(), "s3://acme-lake/large")


def test_properties_serve_as_long_as_their_session(account: EmulatedAccount) -> None:
    properties = file_io_properties(account.session())
    gc.collect()
    with pytest.raises(SourceError, match="no AWS session"):
        file_io.ReadOnlyS3(properties)
