"""Exit status 0 where the service on this machine answers that it lives: the health check of the image."""

import http.client
import os
import ssl
import sys
from pathlib import Path

SCHEME = os.environ.get("DEFECTORY_SCHEME", "http")
PORT = int(os.environ.get("DEFECTORY_PORT", "8000"))
TOKEN_FILE = Path(os.environ.get("DEFECTORY_TOKEN_FILE", "/state/token"))


def is_alive() -> bool:
    """Return whether it answers 200 within four seconds."""
    headers = {}
    if TOKEN_FILE.exists():
        headers["Authorization"] = f"Bearer {TOKEN_FILE.read_text().strip()}"
    connection = _connect()
    try:
        connection.request("GET", "/v2/health/live", headers=headers)
        return connection.getresponse().status == 200
    except (OSError, http.client.HTTPException):
        return False
    finally:
        connection.close()


def _connect() -> http.client.HTTPConnection:
    if SCHEME != "https":
        return http.client.HTTPConnection("127.0.0.1", PORT, timeout=4)
    # it asks its own machine, which the certificate does not name
    context = ssl.create_default_context()
    context.check_hostname = False
    context.verify_mode = ssl.CERT_NONE
    return http.client.HTTPSConnection("127.0.0.1", PORT, timeout=4, context=context)


if __name__ == "__main__":
    sys.exit(not is_alive())
