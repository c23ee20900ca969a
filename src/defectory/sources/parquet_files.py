"""Parquet files, opened with one clear error for each thing that can be wrong with them."""

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

from defectory.domain import ManifestError, MissingExtraError
from defectory.domain.errors import one_line

if TYPE_CHECKING:
    from defectory.remote import Place

# Without a buffer a whole column of a row group is read at once, which may be a million names.
_BUFFER_BYTES = 2**20


@contextmanager
def opened_parquet(path: "Place") -> Iterator[Any]:
    """Give a `pyarrow.parquet.ParquetFile`, read piece by piece.

    Raises
    ------
    ManifestError : it cannot be read or is no Parquet, now or while the block reads it.
    MissingExtraError : the extra `parquet` is missing.
    """
    try:
        import pyarrow
        import pyarrow.parquet
    except ImportError as error:
        raise MissingExtraError(f"reading {path}", "parquet") from error
    usual = pyarrow.default_memory_pool()
    # others keep what is freed, for threads that may never ask again: memory would grow with the files
    pyarrow.set_memory_pool(pyarrow.system_memory_pool())
    try:
        source = path if isinstance(path, Path) else path.open_copy()
        with pyarrow.parquet.ParquetFile(source, buffer_size=_BUFFER_BYTES) as file:
            yield file
    except OSError as error:
        raise ManifestError(f"cannot read {path}: {one_line(error)}") from error
    except pyarrow.ArrowException as error:
        raise ManifestError(f"{path} is no Parquet, or damaged: {one_line(error)}") from error
    finally:
        pyarrow.set_memory_pool(usual)
