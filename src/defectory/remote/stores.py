"""The file systems of fsspec, one a bucket or host, and what is asked of them."""

import hashlib
from collections.abc import Iterator
from dataclasses import dataclass
from functools import lru_cache
from typing import Any

from defectory.domain import MissingExtraError
from defectory.remote.addresses import Address
from defectory.remote.retries import ask

_N_LISTED = 1000
_S3 = ("s3", "s3a")
# what stores call checksums, then times
_VERSIONS = (
    "ETag",
    "etag",
    "md5Hash",
    "Content-MD5",
    "Last-Modified",
    "LastModified",
    "last_modified",
    "updated",
    "mtime",
    "created",
)


@dataclass(frozen=True)
class Found:
    """What a store says of an object, or of a folder.

    Attributes
    ----------
    is_folder : whether objects lie below it
    n_bytes : its size; None where the store does not say
    version : changes when the object does, by checksum, time and size
    """

    is_folder: bool
    n_bytes: int | None
    version: str


def store_of(address: Address) -> tuple[Any, str]:
    """Return the file system that an address lies in, and its path there.

    Raises
    ------
    MissingExtraError : the extra `remote` is missing.
    OSError : as the store says, such as that there are no credentials.
    """
    host, password = address.place.partition("/")[0], address.full.partition("://")[2]
    before = password.partition("/")[0].rpartition("@")[0]
    at = f"{before}@" if before and "@" not in host else ""
    store = ask(address, lambda: _open(f"{address.scheme}://{at}{host}", address.scheme))
    return store, store._strip_protocol(address.full)


@lru_cache(maxsize=64)
def _open(base: str, scheme: str) -> Any:
    try:
        import fsspec.core

        # fsspec would keep one for each thread, and what it has listed
        options = {"skip_instance_cache": True, "use_listings_cache": False}
        return fsspec.core.url_to_fs(f"{base}/", **options)[0]
    except ImportError as error:
        raise MissingExtraError(f"{scheme}://", "remote") from error


def look_up(address: Address) -> Found:
    """Return what a store says of an address; OSError where nothing is there or may be seen."""
    store, path = store_of(address)
    return _found(ask(address, lambda: store.info(path)))


def walk(address: Address) -> Iterator[tuple[str, Found]]:
    """Yield the name of each object below a folder, relative to it, as the store lists them; OSError.

    Memory does not grow with their number in S3; elsewhere with the objects of one folder.
    """
    store, path = store_of(address)
    path = path.rstrip("/")
    for info in (
        _s3_objects(address, store, path)
        if address.scheme in _S3
        else _objects(address, store, path)
    ):
        name = str(info["name"])
        name = store._strip_protocol(name).removeprefix(path).lstrip("/")
        if name and not name.endswith("/"):
            yield name, _found(info)


def _s3_objects(address: Address, store: Any, path: str) -> Iterator[dict[str, Any]]:
    # s3fs lists a folder as a whole, whatever its size
    bucket, _, key = path.partition("/")
    more: dict[str, Any] = {"Bucket": bucket, "Prefix": f"{key}/" if key else ""}
    while True:
        page = ask(
            address,
            lambda: store.call_s3("list_objects_v2", MaxKeys=_N_LISTED, **more),
        )
        for entry in page.get("Contents", ()):
            yield {**entry, "name": f"{bucket}/{entry['Key']}", "size": entry["Size"]}
        if not page.get("IsTruncated"):
            return
        more["ContinuationToken"] = page["NextContinuationToken"]


def _objects(address: Address, store: Any, path: str) -> Iterator[dict[str, Any]]:
    for info in ask(address, lambda: store.ls(path, detail=True)):
        if info["type"] != "directory":
            yield info
        elif len(info["name"].rstrip("/")) > len(path):
            yield from _objects(address, store, info["name"].rstrip("/"))


def _found(info: dict[str, Any]) -> Found:
    n_bytes = info.get("size")
    known = next((str(info[key]).strip('"') for key in _VERSIONS if info.get(key)), "")
    return Found(
        is_folder=info.get("type") == "directory",
        n_bytes=n_bytes if isinstance(n_bytes, int) else None,
        version=hashlib.sha256(f"{n_bytes} {known}".encode()).hexdigest()[:32],
    )
