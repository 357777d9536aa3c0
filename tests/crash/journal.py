"""Journals as they lie on disk, read by docs/formats/journal.md: which entries there are, from whom, and where."""

import struct
import zlib
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

Dot = tuple[int, int]


@dataclass(frozen=True)
class Record:
    """An entry: who decided it, as which, where it stands in which file, and its bytes."""

    replica: int
    sequence: int
    path: Path
    offset: int
    payload: bytes

    @property
    def dot(self) -> Dot:
        return self.replica, self.sequence

    @property
    def fingerprint(self) -> int:
        return zlib.crc32(self.payload) << 32 | len(self.payload)


def segments(data: Path) -> list[tuple[int, Path]]:
    """Segment files of a data directory by their first positions."""
    return sorted((int(path.stem), path) for path in data.glob("[0-9]*.journal"))


class Reader:
    """Reads a journal from where it ended the last time. What it sees must be durable already: the node rests."""

    def __init__(self, data: Path) -> None:
        self.data = data
        self.position = 0
        # Bytes that were dropped from the journal before we came to read them.
        self.missed_bytes = 0

    def new_records(self) -> Iterator[Record]:
        found = segments(self.data)
        for (first, path), after in zip(found, [*found[1:], None], strict=True):
            if after is not None and after[0] <= self.position:
                continue
            if first > self.position:
                self.missed_bytes += first - self.position
                self.position = first
            # It may be dropped just now, as nobody needs it any more; then the next one begins too late.
            if path.exists():
                for record, length in records(path, HEADER_BYTES + self.position - first):
                    self.position += length
                    if record is not None:
                        yield record


def records(path: Path, offset: int) -> Iterator[tuple[Record | None, int]]:
    """Entries of one file from an offset on, each with the bytes that it takes; none for a clean shutdown's mark."""
    with path.open("rb") as file:
        file.seek(offset)
        while True:
            head = file.read(RECORD_HEAD.size)
            if len(head) < RECORD_HEAD.size:
                return
            _, length, sequence, replica, tag = RECORD_HEAD.unpack(head)
            kind = tag & 0x7F
            if kind == 0:
                return
            payload = file.read(length)
            whole = RECORD_HEAD.size + length
            yield (Record(replica, sequence, path, offset, payload) if kind == ENTRY else None), whole
            offset += whole


def replace_payload(record: Record, payload: bytes) -> None:
    """Writes other bytes in the place of an entry's, with a checksum that fits: what rot cannot do and a bug can."""
    assert len(payload) == len(record.payload), "what comes after stays where it is"
    position = int(record.path.stem) + record.offset - HEADER_BYTES
    with record.path.open("r+b") as file:
        file.seek(record.offset + 4)
        rest = file.read(RECORD_HEAD.size - 4)
        file.seek(record.offset)
        file.write(struct.pack("<I", crc32c(struct.pack("<Q", position) + rest + payload)))
        file.seek(record.offset + RECORD_HEAD.size)
        file.write(payload)


def crc32c(data: bytes) -> int:
    """CRC-32C, bit by bit: for one record it is fast enough."""
    crc = 0xFFFF_FFFF
    for byte in data:
        crc ^= byte
        for _ in range(8):
            crc = crc >> 1 ^ (0x82F6_3B78 if crc & 1 else 0)
    return crc ^ 0xFFFF_FFFF


HEADER_BYTES = 512
# Checksum, length, sequence, replica, tag.
RECORD_HEAD = struct.Struct("<IIQHB")
ENTRY = 1
