"""The columns of an input in S3: from Parquet footers, CSV headers and JSON lines; never values, never a whole file."""

import gzip
import sys

import pytest

from pipetriage.errors import MissingExtraError, SourceError
from pipetriage.sources.s3_columns import sampled_schema
from tests.emulated.account import EmulatedAccount
from tests.emulated.sampled import parquet_of

INPUT = "s3://raw/orders/2026-11-21/"
TYPED = [
    {"name": "id", "type": "bigint"},
    {"name": "count", "type": "int"},
    {"name": "amount", "type": "decimal(10,2)"},
    {"name": "price", "type": "double"},
    {"name": "paid", "type": "boolean"},
    {"name": "note", "type": "string"},
    {"name": "day", "type": "date"},
    {"name": "at", "type": "timestamp"},
    {"name": "raw", "type": "binary"},
]


def columns(account: EmulatedAccount) -> list[dict[str, str]]:
    found: list[dict[str, str]] = sampled_schema(account.session(), INPUT).payload["columns"]
    return found


def names(account: EmulatedAccount) -> list[str]:
    return [one["name"] for one in columns(account)]


def test_parquet_gives_names_and_types(account: EmulatedAccount) -> None:
    account.put_object(f"{INPUT}part-0.snappy.parquet", parquet_of(TYPED))
    account.put_object(f"{INPUT}_SUCCESS")
    assert columns(account) == TYPED


def test_a_footer_larger_than_what_is_read_first(account: EmulatedAccount) -> None:
    wide = [{"name": f"a_rather_long_name_of_a_column_{number:05d}", "type": "bigint"} for number in range(1500)]
    account.put_object(f"{INPUT}wide.parquet", parquet_of(wide))
    assert columns(account) == wide


def test_a_parquet_file_is_never_read_whole(account: EmulatedAccount) -> None:
    account.put_object(f"{INPUT}big.parquet", b"PAR1" + bytes(3_000_000) + parquet_of(TYPED)[4:])
    account.door.calls.clear()
    assert columns(account) == TYPED
    assert [str(call) for call in account.door.calls].count("s3:GetObject") == 1


def test_the_type_of_the_file_that_differs_counts(account: EmulatedAccount) -> None:
    for number in range(4):
        kind = "string" if number == 1 else "bigint"
        account.put_object(f"{INPUT}{number}.parquet", parquet_of([{"name": "amount", "type": kind}]))
    account.put_object(f"{INPUT}9.parquet", parquet_of([{"name": "extra", "type": "date"}]))
    assert columns(account) == [{"name": "amount", "type": "string"}, {"name": "extra", "type": "date"}]


@pytest.mark.parametrize(
    ("name", "data"),
    [
        ("a.csv", b"id,total,booked on\n1,2.5,2026-11-21\n"),
        ("a.csv", b"\xef\xbb\xbfid;total;booked on\r\n1;2,5;2026-11-21\r\n"),
        ("a.tsv", b"id\ttotal\tbooked on\n1\t2.5\t2026-11-21\n"),
        ("a.csv", b'"id"|"total"|"booked on"\n1|2.5|"a|b"\n'),
        ("a.csv.gz", gzip.compress(b"id,total,booked on\n" + b"1,2.5,2026-11-21\n" * 100_000, mtime=0)),
        ("a.csv", b"id,total,booked on\n" + b"1,2.5,2026-11-21\n" * 100_000),
        ("a.json.gz", gzip.compress(b'{"id": 1, "total": 2.5, "booked on": "2026-11-21"}\n', mtime=0)),
    ],
)
def test_names_of_text_files(name: str, data: bytes, account: EmulatedAccount) -> None:
    account.put_object(f"{INPUT}{name}", data)
    assert columns(account) == [{"name": "id"}, {"name": "total"}, {"name": "booked on"}]


@pytest.mark.parametrize(
    "data",
    [
        b"1,Ada Lovelace,ada@example.org\n2,Grace Hopper,grace@example.org\n",
        b"Ada,Lovelace,London\nGrace,Hopper,Arlington\n",
        b"Ada,,London\n1,2,3\n",
        b"Ada,Ada,London\n1,2,3\n",
        b"\x00\x01\x02\n",
        b"",
    ],
)
def test_a_first_line_of_values_is_no_header(data: bytes, account: EmulatedAccount) -> None:
    account.put_object(f"{INPUT}a.csv", data)
    with pytest.raises(SourceError) as told:
        columns(account)
    assert "Ada" not in str(told.value)


@pytest.mark.parametrize("data", [b"Ada,Lovelace\n", b"Ada,London,secret\n1,2,3\n"])
def test_a_first_line_with_no_known_name_is_no_header(data: bytes, account: EmulatedAccount) -> None:
    account.put_object(f"{INPUT}a.csv", data)
    with pytest.raises(SourceError, match="no line of column names") as told:
        sampled_schema(account.session(), INPUT, ["order_id"])
    assert "Ada" not in str(told.value)
    account.put_object(f"{INPUT}b.csv", b"order_id,at\n1,2\n")
    read = sampled_schema(account.session(), INPUT, ["order_id"])
    assert read.payload["columns"] == [{"name": "order_id"}, {"name": "at"}]


def test_a_header_is_vouched_for_by_the_declared_schema_or_another_file(account: EmulatedAccount) -> None:
    account.put_object(f"{INPUT}a.csv", b"id,total,booked on\n")
    read = sampled_schema(account.session(), INPUT, ["ID", "gone"])
    assert [one["name"] for one in read.payload["columns"]] == ["id", "total", "booked on"]
    account.put_object(f"{INPUT}b.json", b'{"id": 1, "at": 2}\n')
    assert names(account) == ["id", "total", "booked on", "at"]


def test_a_header_without_rows_is_not_taken_at_its_word(account: EmulatedAccount) -> None:
    account.put_object(f"{INPUT}a.csv", b"Ada,Lovelace\n")
    with pytest.raises(SourceError, match="no line of column names"):
        columns(account)


def test_keys_that_are_data_are_no_columns(account: EmulatedAccount) -> None:
    account.put_object(f"{INPUT}a.json", b"".join(b'{"user_%d": 1}\n' % number for number in range(9)))
    with pytest.raises(SourceError, match="no columns, but data"):
        columns(account)
    wide = ", ".join(f'"user_{number}": 1' for number in range(1001))
    account.put_object(f"{INPUT}a.json", f"{{{wide}}}\n".encode())
    with pytest.raises(SourceError, match="no columns, but data"):
        columns(account)


def test_damaged_files_leave_the_word_to_the_others(account: EmulatedAccount) -> None:
    account.put_object(f"{INPUT}0.parquet", b"PAR1 torn")
    account.put_object(f"{INPUT}1.parquet", b"PAR1" + b"\xff" * 40 + (40).to_bytes(4, "little") + b"PAR1")
    account.put_object(f"{INPUT}2.csv.gz", b"no gzip")
    account.put_object(f"{INPUT}3.jsonl", b'{"id": 1}\n{"id": 2, "new": 3}\n{"torn')
    assert names(account) == ["id", "new"]


@pytest.mark.parametrize(
    ("data", "complaint"),
    [
        (b"PAR1 torn", "no Parquet file"),
        (b"PAR1" + b"\xff" * 40 + (40).to_bytes(4, "little") + b"PAR1", "damaged footer"),
        (b"PAR1" + (2**31).to_bytes(4, "little") + b"PAR1", "more than is read"),
        (parquet_of(TYPED)[-8:], "damaged footer"),
    ],
)
def test_a_damaged_parquet_file_is_a_gap(data: bytes, complaint: str, account: EmulatedAccount) -> None:
    account.put_object(f"{INPUT}0.parquet", data)
    with pytest.raises(SourceError, match=complaint):
        columns(account)


def test_nothing_to_read_and_nothing_allowed_are_said(account: EmulatedAccount) -> None:
    account.put_object(f"{INPUT}a.orc", b"ORC")
    account.put_object(f"{INPUT}_metadata.parquet", parquet_of(TYPED))
    with pytest.raises(SourceError, match="holds no JSON-lines, CSV or Parquet file"):
        columns(account)
    account.put_object(f"{INPUT}a.parquet", parquet_of(TYPED))
    account.refuse("s3:GetObject")
    with pytest.raises(SourceError, match="not allowed"):
        columns(account)


def test_without_pyarrow_the_extra_is_named(account: EmulatedAccount, monkeypatch: pytest.MonkeyPatch) -> None:
    account.put_object(f"{INPUT}a.parquet", parquet_of(TYPED))
    monkeypatch.setitem(sys.modules, "pyarrow", None)
    with pytest.raises(MissingExtraError, match=r"pipetriage\[parquet\]"):
        columns(account)
