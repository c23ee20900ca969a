"""Which errors of real clients are waited out, and what is said of those that stay."""

import errno

import aiohttp
import botocore.exceptions
import pytest

from defectory.remote import RemotePath, retries
from defectory.remote.retries import ask, is_transient

ADDRESS = RemotePath("s3://bucket/a.png").address


class _AnswerError(Exception):
    def __init__(self, status):
        super().__init__(f"https://host/a?sig=SECRET answers {status}")
        self.status_code = status


BUSY = [
    botocore.exceptions.EndpointConnectionError(endpoint_url="http://host"),
    botocore.exceptions.ReadTimeoutError(endpoint_url="http://host"),
    aiohttp.ServerDisconnectedError(),
    aiohttp.ClientPayloadError(),
    TimeoutError(),
    ConnectionResetError(),
    OSError(errno.EBUSY, "Please reduce your request rate."),
    _AnswerError(429),
    _AnswerError(503),
]
FINAL = [
    botocore.exceptions.NoCredentialsError(),
    FileNotFoundError("bucket/a.png"),
    PermissionError("Forbidden"),
    _AnswerError(403),
    _AnswerError(404),
    ValueError("https://host/a?sig=SECRET"),
]


@pytest.mark.parametrize("error", BUSY, ids=repr)
def test_busy_stores_are_asked_again(error, monkeypatch):
    monkeypatch.setattr(retries, "_FIRST_WAIT_S", 0.0)
    answers = iter([error, error, b"content"])

    def question():
        answer = next(answers)
        if isinstance(answer, Exception):
            raise answer
        return answer

    assert ask(ADDRESS, question) == b"content"


@pytest.mark.parametrize("error", FINAL, ids=repr)
def test_other_errors_are_said_at_once_as_the_system_would(error):
    asked = []

    def question():
        asked.append(1)
        raise error

    assert not is_transient(error)
    with pytest.raises(OSError, match=r"s3://bucket/a\.png") as caught:
        ask(ADDRESS, question)
    assert len(asked) == 1
    assert caught.value.filename == "s3://bucket/a.png"
    assert caught.value.strerror
    assert "SECRET" not in str(caught.value)
