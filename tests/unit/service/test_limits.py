"""Bytes, pixels, places, time: what is above a limit is refused, and the service goes on."""

import gzip
import io
import time
import zlib

import pytest
from PIL import Image

from tests.unit.service.running import running


@pytest.fixture(scope="module")
def small(screws):
    with running(
        screws, body_bytes=100_000, pixels=10_000, images=3, head_s=0.3, body_s=0.3
    ) as found:
        yield found


@pytest.fixture(scope="module")
def sender(small):
    with small.client() as client:
        yield client


def png_of(side_px):
    buffer = io.BytesIO()
    Image.new("L", (side_px, side_px)).save(buffer, "PNG")
    return buffer.getvalue()


def chunks(n_bytes):
    for _ in range(n_bytes // 10_000):
        yield bytes(10_000)


@pytest.mark.parametrize("content", [bytes(150_000), chunks(150_000)], ids=["told", "chunked"])
def test_a_body_that_is_too_long_is_refused(sender, content):
    answer = sender.post("/score", content=content)
    assert answer.status_code == 413
    assert "100,000 bytes" in answer.json()["error"]


@pytest.mark.parametrize(
    ("encoding", "packed", "status"),
    [
        ("gzip", gzip.compress(bytes(10**7)), 413),
        ("deflate", zlib.compress(bytes(10**7)), 413),
        ("gzip", gzip.compress(bytes(1000))[:-9], 400),
        ("gzip", b"plain", 400),
        ("br", b"?", 415),
    ],
    ids=["gzip bomb", "deflate bomb", "cut off", "plain", "unknown"],  # gzip holds the time
)
def test_what_a_body_unpacks_to_is_bounded(sender, encoding, packed, status):
    headers = {"Content-Encoding": encoding}
    assert sender.post("/score", content=packed, headers=headers).status_code == status


def test_an_image_of_too_many_pixels_is_refused_before_it_is_decoded(sender):
    assert sender.post("/score", content=png_of(100)).status_code == 200
    answer = sender.post("/score", content=png_of(2000))
    assert answer.status_code == 422
    assert "too many pixels" in answer.json()["results"][0]["error"]


def test_there_are_only_so_many_images_in_a_request(sender, good):
    assert sender.post("/score", files=[("file", good)] * 3).status_code == 200
    assert sender.post("/score", files=[("file", good)] * 4).status_code == 413


def test_who_finds_no_place_is_told_when_to_come_again(screws, good):
    with running(screws, n_threads=1, waiting=1) as server, server.client() as client:
        assert client.post("/score", files=[("file", good)] * 2).status_code == 200
        answer = client.post("/score", files=[("file", good)] * 3)
        assert (answer.status_code, answer.headers["retry-after"]) == (503, "1")
        assert server.metric("defectory_queue_places") == 2
        assert client.post("/score", content=good).status_code == 200


def test_all_bodies_together_are_bounded(screws, good):
    with running(screws, all_bodies_bytes=2 * len(good)) as server, server.client() as client:
        assert client.post("/score", content=good).status_code == 200
        answer = client.post("/score", files=[("file", good)] * 2)
        assert (answer.status_code, answer.headers["retry-after"]) == (503, "1")
        assert client.post("/score", content=good).status_code == 200


def test_what_takes_too_long_is_answered_and_dropped(screws, good):
    with running(screws, n_threads=1, deadline_s=1e-4) as server, server.client() as client:
        answer = client.post("/score", files=[("file", good)] * 20)
        assert answer.status_code == 504
        deadline = time.monotonic() + 10
        while server.metric("defectory_queue_images") and time.monotonic() < deadline:
            time.sleep(0.01)
        assert server.metric("defectory_queue_images") == 0
        assert server.metric("defectory_image_seconds_count") < 20
        assert server.metric('defectory_images_total{decision="accepted",model="screws"}') is None


@pytest.mark.parametrize("sent", [b"", b"GET /v2 HT"], ids=["nothing", "half a head"])
def test_a_head_that_does_not_come_is_not_waited_for(small, sent):
    with small.connect() as connection:
        connection.sendall(sent)
        assert connection.recv(1000) == b""


def test_a_body_that_does_not_come_is_not_waited_for(small):
    with small.connect() as connection:
        connection.sendall(b"POST /score HTTP/1.1\r\nHost: 127.0.0.1\r\nContent-Length: 9\r\n\r\nx")
        assert connection.recv(1000).startswith(b"HTTP/1.1 408 ")


def test_a_client_that_goes_takes_its_images_along(screws, good):
    with running(screws, n_threads=1) as server:
        with server.connect() as connection:
            body = b"".join(
                b'--x\r\nContent-Disposition: form-data; name="f"; filename="f"\r\n\r\n%s\r\n'
                % good
                for _ in range(64)  # as many as a request may have
            )
            head = (
                f"POST /score HTTP/1.1\r\nHost: localhost\r\nContent-Length: {len(body) + 5}\r\n"
                "Content-Type: multipart/form-data; boundary=x\r\n\r\n"
            )
            connection.sendall(head.encode() + body + b"--x--")
            deadline = time.monotonic() + 10
            while not server.metric("defectory_image_seconds_count"):
                assert time.monotonic() < deadline
                time.sleep(0.005)
        server.wait_for_log('"status":499')
        assert server.metric("defectory_image_seconds_count") < 64
