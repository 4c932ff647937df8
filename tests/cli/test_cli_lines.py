"""A file is read twice, and the run sends exactly the checked rows."""

from __future__ import annotations

from io import BytesIO

import pytest

from eightbyeight_async.cli.reading.twice_read_lines import FileChangedError, TwiceReadLines


@pytest.mark.parametrize("data", [b"", b"a", b"a\n", b"a\nbb\n\nccc", b"\n\n\n", b"x" * 100])
@pytest.mark.parametrize("block", [1, 2, 3, 64])
def test_lines_are_the_same_however_the_blocks_fall(data: bytes, block: int) -> None:
    lines = TwiceReadLines(BytesIO(data), block=block)
    expected = data.splitlines(keepends=True)
    assert list(lines.first()) == expected
    assert list(lines.again()) == expected
    assert list(lines.again()) == expected


@pytest.mark.parametrize(
    ("change", "handed_out"),
    [
        (b"a1\na2\na3\na4\nX5\na6\n", 4),
        (b"X1\na2\na3\na4\na5\na6\n", 0),
        (b"a1\na2\na3\na4\na5\na6\na7\n", 6),
        (b"a1\na2\na3\na4\n", 4),
        (b"a1\na2\na3\n", 2),
        (b"", 0),
    ],
    ids=["later block", "first block", "longer", "shorter by blocks", "shorter inside a block", "emptied"],
)
def test_a_change_between_the_readings_ends_the_second_before_the_changed_block(change: bytes, handed_out: int) -> None:
    file = BytesIO(b"a1\na2\na3\na4\na5\na6\n")
    lines = TwiceReadLines(file, block=6)  # a block has two lines
    list(lines.first())
    file.seek(0)
    file.truncate()
    file.write(change)
    met = []
    with pytest.raises(FileChangedError):
        for line in lines.again():
            met.append(line)  # noqa: PERF402 - what was met before the exception counts
    assert len(met) == handed_out


def test_the_file_may_be_read_in_small_pieces() -> None:
    """The ends of blocks do not depend on the size of a read."""

    class Slow(BytesIO):
        slow = True

        def read(self, size: int | None = -1) -> bytes:
            return super().read(min(size or 0, 1 + self.tell() % 3) if self.slow else size)

    data = b"abc\ndefgh\n" * 20
    file = Slow(data)
    lines = TwiceReadLines(file, block=16)
    assert list(lines.first()) == data.splitlines(keepends=True)
    file.slow = False
    assert list(lines.again()) == data.splitlines(keepends=True)
