"""Sizes, times and shares as a person reads them."""

from pipetriage.model.amounts import of_bytes, of_ms, of_share


def test_sizes() -> None:
    sizes = [0, 1023, 1024, 20 * 1024, 3 * 2**20 + 2**19, 640 * 2**20, 5 * 2**40]
    assert [of_bytes(size) for size in sizes] == [
        "0 bytes", "1023 bytes", "1.00 KiB", "20.0 KiB", "3.50 MiB", "640 MiB", "5120 GiB",
    ]  # fmt: skip


def test_times() -> None:
    times = [0, 34, 999, 1_500, 43_000, 119_000, 19 * 60_000, 3 * 3_600_000]
    assert [of_ms(time) for time in times] == ["0 ms", "34 ms", "999 ms", "1.5 s", "43 s", "119 s", "19 min", "3.0 h"]


def test_a_share_that_is_not_all_is_never_called_all() -> None:
    shares = (0, 0.071, 0.5, 0.994, 0.99999, 1)
    assert [of_share(share) for share in shares] == ["0%", "7%", "50%", "99.4%", "99.9%", "100%"]
