"""Files by partition, and how many they would be."""

from pipetriage.model.facts import ListedFile, Listing
from pipetriage.model.file_sizes import by_partition, files_at
from tests.building import ENDED

MIB = 2**20


def listed(*files: tuple[str, int], uri: str = "s3://lake/sales/orders") -> Listing:
    found = tuple(ListedFile(f"{uri}/{name}", size) for name, size in files)
    return Listing(uri=uri, files=found, complete=True, observed_at=ENDED, evidence="listing")


def test_files_are_counted_by_partition_those_with_the_most_small_ones_first() -> None:
    parts = by_partition(
        listed(
            ("data/day=1/a.parquet", 500 * MIB),
            ("data/day=1/b.parquet", 1),
            ("data/day=2/shop=x/a.parquet", 2),
            ("data/day=2/shop=x/b.parquet", 383 * MIB),
            ("data/day=2/shop=x/c.parquet", 384 * MIB),
        )
    )
    assert [(one.partition, one.files, one.small) for one in parts] == [("day=2/shop=x", 3, 2), ("day=1", 2, 1)]
    assert parts[0].after() == 2


def test_what_holds_no_rows_is_no_data_file() -> None:
    parts = by_partition(
        listed(
            ("metadata/v1.metadata.json", 9),
            ("metadata/snap-1.avro", 9),
            ("data/day=1/_SUCCESS", 9),
            ("data/day=1/00000-1-deletes.parquet", 9),
            ("data/day=1/00000-1.parquet", 9),
            ("data/day=1/empty.parquet", 0),
        )
    )
    assert [(one.partition, one.files) for one in parts] == [("day=1", 1)]


def test_files_without_partitions_are_one_folder() -> None:
    assert [one.partition for one in by_partition(listed(("a.json", 1), ("b.json", 1)))] == [""]
    assert [one.partition for one in by_partition(listed(("data/a.parquet", 1)))] == [""]


def test_a_database_called_data_keeps_its_partitions() -> None:
    assert [one.partition for one in by_partition(listed(("database=x/a.parquet", 1)))] == ["database=x"]


def test_bytes_at_a_target_size() -> None:
    assert [files_at(size, 512) for size in (0, 1, 512, 513, 5_120)] == [1, 1, 1, 2, 10]
