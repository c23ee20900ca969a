"""`defectory serve` as a process: stopped, killed while bundles are swapped, started again."""

import itertools
import os
import shutil
import signal
import ssl
import subprocess
import sys
import threading
import time
from contextlib import contextmanager

import httpx2
import pytest

from defectory.workflows.journals import read_journal
from defectory.workflows.reviewing.project import ReviewProject
from defectory.workflows.serving.bundles import find_bundles, load_served
from defectory.workflows.serving.records import Records
from tests.e2e.conftest import run

LINE_START = "Serving on "
TOKEN = "token-of-the-tests-0123456789"
BEARER = {"Authorization": f"Bearer {TOKEN}"}


@contextmanager
def serving(log, *arguments):
    """Serve in another process; it is killed in the end, if it still runs."""
    command = [sys.executable, "-m", "defectory", "serve", "--port", "0", *map(str, arguments)]
    environment = {**os.environ, "PYTHONUNBUFFERED": "1"}
    with log.open("w") as errors:
        process = subprocess.Popen(
            command, stdout=subprocess.PIPE, stderr=errors, text=True, env=environment
        )
        try:
            lines = iter(process.stdout.readline, "")
            url = next(line for line in lines if line.startswith(LINE_START))
            url = url.removeprefix(LINE_START).partition(";")[0]
            with httpx2.Client(base_url=url, timeout=30) as client:
                yield process, client
        finally:
            process.kill()
            process.wait()
            process.stdout.close()


def begun(work, *arguments):
    """A thread at work, that no failing test waits for."""
    thread = threading.Thread(target=work, args=arguments, daemon=True)
    thread.start()
    return thread


@pytest.fixture
def photos(parts):
    return sorted((parts / "test").rglob("*.png"))


def test_a_stop_answers_what_is_at_work_and_ends_well(bundle, photos, tmp_path):
    log, state = tmp_path / "log", tmp_path / "state"
    # as many as a request may have: they have to be at work for as long as it takes to see that they are
    sent = (photos * 64)[:64]
    files = [("file", path.read_bytes()) for path in sent]
    found = []
    with serving(log, bundle, "--state", state, "--threads", 1) as (process, client):
        with httpx2.Client(base_url=client.base_url, timeout=30) as looking:
            looking.get("/metrics")
            asking = begun(lambda: found.append(client.post("/score", files=files)))
            while b"\ndefectory_queue_images 0.0" in looking.get("/metrics").content:
                assert asking.is_alive(), "all was judged before anybody looked"
                time.sleep(0.002)
        process.send_signal(signal.SIGTERM)
        asking.join()
        assert process.wait(30) == 0
    assert found[0].status_code == 200
    assert len(found[0].json()["results"]) == len(sent)
    assert '"event":"stopped"' in log.read_text().splitlines()[-1]
    assert len(list(read_journal(state / "parts" / "journal.jsonl"))) == len(sent)
    (alarm,) = (state / "parts").glob("alarm-*.json")
    assert f'"n_bets": {len(photos)}' in alarm.read_text()  # a part that comes again counts once


def asked_again_and_again(url, photos, answered, is_over):
    """Send images until the service is gone; note the requests that were answered."""
    with httpx2.Client(base_url=url, timeout=30, headers=BEARER) as client:
        while not is_over.is_set():
            name = f"{len(answered)}-{threading.get_ident()}"
            content = photos[len(answered) % len(photos)].read_bytes()
            try:
                answer = client.post("/score", content=content, headers={"X-Request-Id": name})
            except httpx2.TransportError:
                return
            if answer.status_code == 200:
                answered.append(name)


def swapped_again_and_again(url, served, bundles):
    """Put one bundle in place of the other until the service is gone."""
    part = served.with_name(".part")
    with httpx2.Client(base_url=url, timeout=30, headers=BEARER) as client:
        for bundle in itertools.cycle(bundles):
            shutil.copy(bundle, part)
            part.replace(served)
            try:
                client.post("/admin/reload")
            except httpx2.TransportError:
                return


def test_a_kill_during_swaps_loses_nothing_that_was_answered(bundle, photos, tmp_path):
    state, served, token = (tmp_path / name for name in ("state", "parts.defectory", "token"))
    other, log = tmp_path / "other", tmp_path / "log"
    assert run("recalibrate", bundle, photos[0].parent, "-o", other).exit_code == 0
    shutil.copy(bundle, served)
    token.write_text(TOKEN)
    token.chmod(0o600)
    answered = []
    for _ in range(2):
        n_before, is_over = len(answered), threading.Event()
        with serving(log, served, "--state", state, "--token-file", token) as (process, client):
            url, deadline = str(client.base_url), time.monotonic() + 60
            asking = (asked_again_and_again, url, photos, answered, is_over)
            swapping = (swapped_again_and_again, url, served, (other, bundle))
            workers = [begun(*asking), begun(*asking), begun(*swapping)]
            while log.read_text().count("bundle swapped") < 2 or len(answered) < n_before + 5:
                assert time.monotonic() < deadline
                time.sleep(0.01)
            process.kill()
            is_over.set()
            for worker in workers:
                worker.join()
    kept = [entry.request_id for entry in read_journal(state / "parts" / "journal.jsonl")]
    assert set(answered) <= set(kept)
    last = load_served(find_bundles([f"parts={served}"])[0])
    records = Records(state / "parts")
    records.prepare(last)
    records.close()


def test_review_opens_the_images_that_came_last(bundle, photos, tmp_path):
    state = tmp_path / "state"
    arguments = (bundle, "--state", state, "--keep-recent", "1MB")
    with serving(tmp_path / "log", *arguments) as (process, client):
        files = [("file", (path.name, path.read_bytes())) for path in photos]
        assert client.post("/score", files=files).status_code == 200
        process.send_signal(signal.SIGINT)
        assert process.wait(30) == 0
    recent = state / "parts" / "recent"
    project = ReviewProject.create(tmp_path / "a.review", bundle, [recent])
    assert project.overview().n_images == len(photos)
    project.close()


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (("{bundle}", "--host", "0.0.0.0"), "needs --token-file"),
        (("{bundle}", "--keep-recent", "1GB"), "--state"),
        (("{bundle}", "--keyfile", "key.pem"), "--certfile"),
        (("nothing.defectory",), "nothing.defectory: there is no such file"),
        (("{bundle}", "{bundle}"), "both be served as parts"),
        (
            ("{bundle}", "--allow-host", "a", "--host", "192.0.2.1", "--token-file", "t"),
            "listen on",
        ),
    ],
)
def test_what_cannot_be_served_is_said_in_a_line(bundle, tmp_path, monkeypatch, arguments, said):
    monkeypatch.chdir(tmp_path)
    result = run("serve", "--port", 0, *(each.format(bundle=bundle) for each in arguments))
    assert result.exit_code in (1, 2)
    assert said in result.output
    assert "Traceback" not in result.output


@pytest.mark.skipif(shutil.which("openssl") is None, reason="openssl makes the certificate")
def test_a_token_is_made_and_tls_is_spoken(bundle, tmp_path):
    certificate, key, token = (tmp_path / name for name in ("cert.pem", "key.pem", "token"))
    make = (
        "openssl req -x509 -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes -subj /CN=localhost"
    )
    command = [*make.split(), "-keyout", str(key), "-out", str(certificate)]
    subprocess.run(command, check=True, capture_output=True)
    arguments = (bundle, "--token-file", token, "--certfile", certificate, "--keyfile", key)
    with serving(tmp_path / "log", *arguments) as (_, client):
        assert client.base_url.scheme == "https"
        trust = ssl.create_default_context(cafile=str(certificate))
        with httpx2.Client(
            base_url=f"https://localhost:{client.base_url.port}", verify=trust
        ) as known:
            assert known.get("/v2").status_code == 401
            headers = {"Authorization": f"Bearer {token.read_text().strip()}"}
            assert known.get("/v2", headers=headers).status_code == 200
