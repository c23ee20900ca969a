"""Rows of any number in the order in which `score` writes them: the highest score first."""

import json
import struct
from collections.abc import Iterable, Iterator
from pathlib import PurePosixPath

from defectory.sources.files import natural_key
from defectory.workflows.scoring.rows import Row
from defectory.workflows.shards.disk_sorting import DiskSorter

_SIGN = 1 << 63
_ALL = (1 << 64) - 1


class SortedRows(DiskSorter):
    """Rows on disk, the highest score first, images that could not be read last; equals by their names."""

    def add_rows(self, rows: Iterable[tuple[str, Row]]) -> None:
        """Take rows with the names of their images; OutputError where there is no room."""
        self.add((_order(name, row["score"]), json.dumps(row).encode()) for name, row in rows)

    def rows(self) -> Iterator[Row]:
        """Yield the rows in order."""
        for _, row in self.records():
            yield json.loads(row)


def _order(name: str, score: float | None) -> bytes:
    """Return bytes that sort as scores from the highest down, then names as a folder shows them."""
    if score is None:
        return b"\x01" + natural_bytes(name)
    (bits,) = struct.unpack(">Q", struct.pack(">d", score + 0.0))  # 0.0: -0.0 is no less
    rising = bits ^ _ALL if bits & _SIGN else bits | _SIGN
    return b"\x00" + struct.pack(">Q", rising ^ _ALL) + natural_bytes(name)


def natural_bytes(name: str) -> bytes:
    """Return bytes that sort as `natural_key` does."""
    pieces = (piece for part in natural_key(PurePosixPath(name)) for piece in part)
    return b"".join(_piece(*piece) for piece in pieces)


def _piece(kind: int, number: int, text: str) -> bytes:
    if kind == 0:
        digits = str(number).encode()
        return b"\x01" + struct.pack(">I", len(digits)) + digits
    return bytes([kind + 1]) + text.encode("utf-8", "surrogatepass") + b"\x00"
