"""Object stores and web servers through fsspec: spelled as paths, read with retries, copied for a while.

Nothing of fsspec is imported before something with a scheme is read or written.
"""

from defectory.remote.paths import Place, RemotePath, is_address

__all__ = ["Place", "RemotePath", "is_address"]
