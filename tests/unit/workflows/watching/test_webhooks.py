"""Webhooks on the loopback: signed by the convention, no redirect, again until they arrive, or given up."""

import base64
import contextlib
import http.client
import socket
import threading
import time
from pathlib import Path

import pytest

from benchmarks.webhook_receiver import Receiver
from defectory.domain import ParameterError
from defectory.workflows.watching import webhooks
from defectory.workflows.watching.listing import FileState
from defectory.workflows.watching.signatures import read_secret, signed_headers
from defectory.workflows.watching.state import JudgedFile, WatchState
from defectory.workflows.watching.webhooks import Address, Sender


def test_the_signature_is_that_of_the_convention(tmp_path):
    secret = tmp_path / "secret"
    secret.write_text("whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw\n")
    secret.chmod(0o600)
    # the example that libraries of the convention are tested with
    found = signed_headers(
        read_secret(secret), "msg_p5jXN8AQM9LWM0D4loKWxJek", 1614265330, b'{"test": 2432232314}'
    )
    assert found == {
        "webhook-id": "msg_p5jXN8AQM9LWM0D4loKWxJek",
        "webhook-timestamp": "1614265330",
        "webhook-signature": "v1,g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE=",
    }


def test_a_secret_is_made_once_and_only_its_owner_may_read_it(tmp_path):
    path = tmp_path / "secret"
    key = read_secret(path)
    assert len(key) == 32
    assert path.stat().st_mode & 0o777 == 0o600
    assert read_secret(path) == key
    path.chmod(0o644)
    with pytest.raises(ParameterError, match="others can read this secret"):
        read_secret(path)
    path.chmod(0o600)
    for text in ("", "whsec_", "whsec_AAAA", "whsec_!", "MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw"):
        path.write_text(text)
        with pytest.raises(ParameterError, match="a secret is whsec_"):
            read_secret(path)
    with pytest.raises(ParameterError, match="No such file"):
        read_secret(tmp_path / "none/secret")


def test_an_address_is_http_or_https_and_holds_no_password():
    assert Address.parse("https://mes.example/a?b=c") == Address(True, "mes.example", 443, "/a?b=c")
    assert Address.parse("http://127.0.0.1:81") == Address(False, "127.0.0.1", 81, "/")
    for url in (
        "ftp://a/", "file:///a", "a", "http://", "http://u:p@a/", "http://a:x/", "http://a/\r\nx",
        "http://a/é",
    ):  # fmt: skip
        with pytest.raises(ParameterError):
            Address.parse(url)


@pytest.fixture
def state(tmp_path):
    state = WatchState(tmp_path)
    files = [
        JudgedFile(f"{i}.png", FileState(1, 1, 1), "ab", f'{{"image": "{i}.png"}}')
        for i in range(4)
    ]
    state.record(files, is_to_be_sent=True, alarm=None)
    yield state
    state.close()


@pytest.fixture
def receiver():
    receiver = Receiver()
    yield receiver
    receiver.close()


@pytest.fixture
def begin(state, receiver, tmp_path):
    senders = []

    def begin():
        said = []
        key = read_secret(tmp_path / "secret")
        receiver.secret = (tmp_path / "secret").read_text().strip()
        address = Address.parse(receiver.url)
        senders.append(Sender(state, address, key, said.append, first_pause_s=0.02))
        senders[-1].start()
        return said

    yield begin
    for sender in senders:
        sender.stop()


def until(is_so):
    end = time.monotonic() + 10
    while not is_so():
        assert time.monotonic() < end
        time.sleep(0.01)


def test_messages_arrive_in_order_each_under_a_name_of_its_own(begin, state, receiver):
    assert begin() == []
    until(lambda: not state.count_unsent())
    assert [message_id for message_id, _ in receiver.received] == [
        f"{state.key}-{i}" for i in (1, 2, 3, 4)
    ]
    assert receiver.received[0][1] == {"id": 1, "image": "0.png"}


def test_it_tries_again_until_the_receiver_answers_and_says_so_twice(begin, state, receiver):
    receiver.status = 500
    said = begin()
    until(lambda: len(receiver.refused) > 3)
    receiver.status = 200
    until(lambda: not state.count_unsent())
    assert len(receiver.received) == 4
    assert said == [
        "webhooks do not arrive, and are tried again: the receiver answers 500",
        "webhooks arrive again",
    ]


def test_redirects_are_not_followed(begin, state, receiver):
    other = Receiver()
    receiver.status, receiver.headers = 307, {"location": other.url}
    said = begin()
    until(lambda: said)
    assert "answers 307; redirects are not followed" in said[0]
    other.close()
    assert other.received == other.refused == []
    assert state.count_unsent() == 4


def test_messages_that_nobody_wants_or_that_are_old_are_given_up(
    begin, state, receiver, monkeypatch
):
    receiver.status = 410
    said = begin()
    until(lambda: not state.count_unsent())
    assert said == [f"webhook {i} is given up: the receiver answers 410" for i in range(1, 5)]
    monkeypatch.setattr(webhooks, "GIVE_UP_S", -1)
    monkeypatch.setattr(webhooks, "_FEWEST_TRIES", 2)
    receiver.status = 500
    file = JudgedFile("late", FileState(1, 1, 1), "ab", '{"image": "late"}')
    state.record([file], is_to_be_sent=True, alarm=None)
    until(lambda: not state.count_unsent())
    assert said[-1] == "webhook 5 is given up: the receiver answers 500"
    assert receiver.refused.count(f"{state.key}-5") == 3


@pytest.mark.parametrize("answer", [b"", b"HTTP/1.1 200 OK\r\n"])
def test_a_receiver_that_never_ends_its_answer_is_left(answer, monkeypatch):
    monkeypatch.setattr(webhooks, "_TIMEOUT_S", 0.3)
    monkeypatch.setattr(webhooks, "_MOST_S", 0.5)
    is_over = threading.Event()

    def dribble(listening):
        connection, _ = listening.accept()
        with connection, contextlib.suppress(OSError):
            connection.sendall(answer)
            while answer and not is_over.wait(0.02):
                connection.sendall(b"x")
            is_over.wait(5)

    with socket.create_server(("127.0.0.1", 0)) as listening:
        thread = threading.Thread(target=dribble, args=(listening,))
        thread.start()
        began = time.monotonic()
        port = listening.getsockname()[1]
        with pytest.raises((OSError, http.client.HTTPException)):
            webhooks._post(Address(False, "127.0.0.1", port, "/"), b"{}", {})
        assert time.monotonic() - began < 4
        is_over.set()
        thread.join(10)


def test_receivers_can_check_a_signature_as_the_docs_show():
    page = (Path(__file__).parents[4] / "docs/how-to/watch.md").read_text()
    shown = {}
    exec(page.partition("```python\n")[2].partition("```")[0], shown)
    key = b"k" * 32
    secret = f"whsec_{base64.b64encode(key).decode()}"
    headers = signed_headers(key, "a-1", 1614265330, b"{}")
    assert shown["is_ours"](headers, b"{}", secret)
    assert not shown["is_ours"](headers, b"{ }", secret)
