"""Where features are kept between passes over the images: what any such place does, and one in memory."""

import threading
from collections.abc import Mapping
from typing import Any, Protocol

import numpy as np
from numpy.typing import NDArray

Record = Mapping[str, NDArray[np.floating[Any]]]
"""Stage name -> features of one image."""


class FeatureStore(Protocol):
    """Where features are looked up and kept."""

    dtype: type[np.floating[Any]]
    """The precision that features are kept in."""

    def get(self, key: str) -> Record | None:
        """Return the record, or None where there is none."""
        ...

    def put(self, key: str, record: Record) -> None:
        """Keep a record, if there is room."""
        ...


class KeptFeatures:
    """Features in memory, exact, for as long as a fit lasts: the first ones that fit into a bound.

    A fit passes over its images in the same order again and again: whatever was thrown out to make room for
    the last would be wanted next.

    Parameters
    ----------
    max_bytes : >= 0
    """

    dtype = np.float32

    def __init__(self, max_bytes: int) -> None:
        self._n_free = max_bytes
        self._records: dict[str, Record] = {}
        self._lock = threading.Lock()

    def get(self, key: str) -> Record | None:
        """Return the record, or None."""
        return self._records.get(key)

    def put(self, key: str, record: Record) -> None:
        """Keep the record, if there is room."""
        n_bytes = sum(array.nbytes for array in record.values())
        with self._lock:
            if key in self._records or n_bytes > self._n_free:
                return
            self._n_free -= n_bytes
            self._records[key] = record

    def keep_within(self, max_bytes: int) -> None:
        """Keep no more than this, if it is less than so far."""
        with self._lock:
            self._n_free = min(self._n_free, max(0, max_bytes))

    def clear(self) -> None:
        """Let go of all."""
        with self._lock:
            self._n_free += sum(
                a.nbytes for record in self._records.values() for a in record.values()
            )
            self._records.clear()
