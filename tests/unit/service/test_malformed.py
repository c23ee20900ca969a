"""Uploads that are damaged in every way: refused or answered, no mistake of ours, no memory lost."""

import json
import struct

import numpy as np
import pytest

from defectory.machine import resident_bytes

N_UPLOADS = 500
_MORE_BYTES = 64 * 2**20


def mutated(content, rng):
    """The content cut off, with bytes changed, doubled, or put in."""
    data = bytearray(content)
    for _ in range(rng.integers(2, 5)):
        place = int(rng.integers(0, len(data) + 1))
        match rng.integers(0, 4):
            case 0:
                del data[place:]
            case 1:
                data[place : place + 1] = rng.bytes(1)
            case 2:
                data[place:place] = rng.bytes(int(rng.integers(1, 40)))
            case _:
                data[place:place] = data[: int(rng.integers(0, 200))]
    return bytes(data)


def form_of(content):
    return (
        b'--x\r\nContent-Disposition: form-data; name="f"; filename="f.png"\r\n\r\n%s\r\n--x--\r\n'
        % content
    )


def binary_request(content):
    tensor = struct.pack("<I", len(content)) + content
    given = {"name": "image", "shape": [1], "datatype": "BYTES"}
    given["parameters"] = {"binary_data_size": len(tensor)}
    return json.dumps({"inputs": [given]}).encode(), tensor


def upload(rng, content):
    """One request: path, body, headers."""
    match rng.integers(0, 5):
        case 0:
            return "/score?model=nuts", mutated(content, rng), {}
        case 1:
            kind = "multipart/form-data; boundary=x"
            return "/score?model=nuts", mutated(form_of(content), rng), {"Content-Type": kind}
        case 2:
            kind = mutated(b"multipart/form-data; boundary=x", rng).decode("latin-1")
            kind = "".join(letter for letter in kind if " " <= letter <= "~").strip()
            return "/score?model=nuts", form_of(content), {"Content-Type": kind}
        case 3:
            head, tensor = binary_request(content)
            lengths = {"Inference-Header-Content-Length": str(len(head) + int(rng.integers(-2, 2)))}
            return "/v2/models/nuts/infer", mutated(head, rng) + mutated(tensor, rng), lengths
        case _:
            head, tensor = binary_request(content)
            lengths = {"Inference-Header-Content-Length": str(len(head))}
            return "/v2/models/nuts/infer", head + mutated(tensor, rng), lengths


@pytest.fixture(scope="module")
def contents(photos):
    return [path.read_bytes() for path in sorted(photos.iterdir())]


def test_malformed_uploads_are_answered(server, client, contents):
    rng = np.random.default_rng(11)
    statuses = set()
    for i in range(N_UPLOADS):
        if i == N_UPLOADS // 5:
            before = resident_bytes()
        path, body, headers = upload(rng, contents[i % len(contents)])
        answer = client.post(path, content=body, headers=headers)
        assert answer.status_code < 500, (i, answer.text)
        if answer.status_code >= 400:
            assert answer.json().keys() & {"error", "results"}
        statuses.add(answer.status_code)
    assert {200, 400, 422} <= statuses
    assert server.mistakes() == []
    assert resident_bytes() - before < _MORE_BYTES


@pytest.mark.parametrize("length", ["9" * 5000, "0" * 4999 + "9", "9" * 21, "-1", "", "1e3"])
def test_a_length_that_is_none_is_said(server, client, length):
    headers = {"Inference-Header-Content-Length": length}
    answer = client.post("/v2/models/nuts/infer", content=b"{}", headers=headers)
    assert answer.status_code == 400
    assert "is not the length of the JSON in the body" in answer.json()["error"]
    assert server.mistakes() == []


@pytest.mark.parametrize(
    "sent",
    [
        b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03",
        b"GET / HTTP/1.1\r\n" + b"A: b\r\n" * 20_000,
        b"POST /score HTTP/1.1\r\nHost: localhost\r\nContent-Length: -1\r\n\r\n",
        b"POST /score HTTP/1.1\r\nHost: localhost\r\nTransfer-Encoding: chunked\r\n\r\nzz\r\n",
        b"GET /v2 HTTP/1.1\r\nHost: localhost\r\nHost: localhost\r\nConnection: close\r\n\r\n",
        b"GET /\xff HTTP/1.1\r\nHost: localhost\r\n\r\n",
    ],
)
def test_bytes_that_are_no_request_are_refused(server, sent):
    with server.connect() as connection:
        connection.sendall(sent)
        answer = connection.recv(1000)
    assert answer.startswith(b"HTTP/1.1 4")
    assert server.mistakes() == []
