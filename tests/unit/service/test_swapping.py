"""Bundles are swapped while requests go on: none is lost, and what does not load leaves the old one."""

import io
import json
import shutil
import threading
import time
from contextlib import suppress
from dataclasses import replace

import pytest

from defectory.domain import BundleError, ParameterError
from defectory.service.logs import Log
from defectory.service.service import Service
from defectory.workflows.journals import Journal
from defectory.workflows.serving.bundles import find_bundles, load_served
from defectory.workflows.serving.judging import Sent, judge_sent
from tests.unit.service.running import PLAIN, running


@pytest.fixture
def folder(fitted, tmp_path):
    """A folder of one bundle, to change."""
    (tmp_path / "served").mkdir()
    shutil.copy(fitted / "screws.defectory", tmp_path / "served" / "parts.defectory")
    return tmp_path / "served"


def put(source, target):
    """Replace a file at once, as one does."""
    part = target.with_name(".part")
    shutil.copy(source, part)
    part.replace(target)


def wait_until(is_true):
    deadline = time.monotonic() + 20
    while not is_true():
        assert time.monotonic() < deadline
        time.sleep(0.01)


def versions_of(client):
    return client.get("/v2/models/parts").json()["versions"]


def test_no_request_is_lost_while_bundles_are_swapped(fitted, folder, good):
    names = [fitted / "nuts.defectory", fitted / "screws.defectory"]
    answers, is_over = [], threading.Event()

    def ask():
        with server.client() as client:
            while not is_over.is_set():
                answer = client.post("/score", content=good)
                answers.append((answer.status_code, answer.json()["version"]))

    with running(folder) as server, server.client() as client:
        askers = [threading.Thread(target=ask) for _ in range(3)]
        for asker in askers:
            asker.start()
        for name in names * 2:
            (before,) = versions_of(client)
            put(name, folder / "parts.defectory")
            wait_until(lambda before=before: versions_of(client) != [before])
            n_answers = len(answers)
            wait_until(lambda n_answers=n_answers: len(answers) > n_answers + 3)
        is_over.set()
        for asker in askers:
            asker.join()
        assert server.metric('defectory_reloads_total{model="parts"}') == 4
        (version,) = versions_of(client)
        assert server.metric(
            f'defectory_alarm_ringing{{model="parts",version="{version}"}}'
        ) == 0  # fmt: skip
        assert server.mistakes() == []
    assert {status for status, _ in answers} == {200}
    assert len({version for _, version in answers}) == 2


def test_a_bundle_that_does_not_load_leaves_the_old_one(folder, good):
    path = folder / "parts.defectory"
    whole = path.read_bytes()
    with running(folder) as server, server.client() as client:
        state = client.get("/v2/health/ready").json()
        assert [each["reload_error"] for each in state["models"]] == [None]
        path.write_bytes(whole[: len(whole) // 2])
        failing = 'defectory_reload_failing{model="parts"}'
        wait_until(lambda: server.metric(failing) == 1)
        answer = client.get("/v2/health/ready")
        assert (answer.status_code, answer.json()["ready"]) == (200, True)
        assert "parts.defectory" in answer.json()["models"][0]["reload_error"]
        assert client.post("/score", content=good).status_code == 200
        put_back = path.with_name(".back")
        put_back.write_bytes(whole)
        put_back.replace(path)
        wait_until(lambda: server.metric(failing) == 0)
        assert client.get("/v2/health/ready").json()["models"][0]["reload_error"] is None
        lines = [json.loads(line) for line in server.log.getvalue().splitlines()]
        assert [line["event"] for line in lines if line["event"].startswith("bundle")] == [
            "bundle refused", "bundle swapped",
        ]  # fmt: skip


@pytest.fixture
def service(fitted, folder):
    """Of parts.defectory and parts@2.defectory; it looks when it is told to."""
    shutil.copy(fitted / "nuts.defectory", folder / "parts@2.defectory")
    service = Service([str(folder)], PLAIN, 1, Log(io.StringIO()))
    yield service
    service.close()


def failing(service):
    """Name -> value of the metric that tells of refused files."""
    lines = service.metrics.text().decode().splitlines()
    found = [line.split('"') for line in lines if line.startswith("defectory_reload_failing{")]
    return {name: float(value.removeprefix("} ")) for _, name, value in found}


def look(service):
    """Look as `watch` does, so often that files have settled, and those that were refused are left alone."""
    for _ in range(3):
        service.look(only_settled=True)


def test_a_version_that_does_not_load_is_told_though_another_one_does(service, folder):
    look(service)
    assert failing(service) == {"parts": 0}
    (folder / "parts.defectory").write_bytes(b"PK")
    look(service)
    assert failing(service) == {"parts": 1}


def test_a_new_file_that_is_refused_is_told_until_it_loads(service, fitted, folder):
    (folder / "parts@3.defectory").write_bytes(b"PK")
    look(service)
    assert failing(service) == {"parts": 1}
    put(fitted / "screws.defectory", folder / "parts@3.defectory")
    look(service)
    assert failing(service) == {"parts": 0}


def test_a_refused_file_that_is_gone_is_no_longer_told(service, folder):
    (folder / "bolts.defectory").write_bytes(b"PK")
    look(service)
    assert failing(service) == {"parts": 0, "bolts": 1}
    (folder / "bolts.defectory").unlink()
    look(service)
    assert failing(service) == {"parts": 0}


def test_an_answer_of_a_bundle_that_was_swapped_out_meanwhile_leaves_no_alarm(
    service, fitted, folder, good
):
    old = service.models.table.all()[0]
    ringing = f'defectory_alarm_ringing{{model="parts",version="{old.version}"}}'
    assert ringing in service.metrics.text().decode()
    put(fitted / "nuts.defectory", folder / "parts.defectory")
    look(service)
    judged = judge_sent(old.model, [Sent("a.png", good)])
    told, _ = service._on_recorder(lambda: service._keep(old, judged, "request"))
    assert told.n_seen == 1
    assert ringing not in service.metrics.text().decode()


def test_a_bundle_that_comes_into_the_folder_is_served(fitted, folder, good):
    with running(folder) as server, server.client() as client:
        (folder / "broken.defectory").write_bytes(b"PK")
        put(fitted / "nuts.defectory", folder / "parts@2.defectory")
        wait_until(lambda: len(versions_of(client)) == 2)
        answer = client.post("/score", params={"model": "parts"}, content=good)
        assert answer.json()["version"] == "2"
        server.wait_for_log('"model":"broken"')
        (folder / "parts@2.defectory").unlink()
        assert client.post("/score", params={"model": "parts@2"}, content=good).status_code == 200


def test_a_bundle_that_comes_while_the_service_ends_leaves_every_journal_closed(
    fitted, folder, tmp_path
):
    options = replace(PLAIN, state=tmp_path / "state")
    service = Service([str(folder)], options, 1, Log(io.StringIO()))
    held = threading.Event()
    service._recorder.submit(held.wait)
    put(fitted / "nuts.defectory", folder / "bolts.defectory")
    ending = [threading.Thread(target=work) for work in (_ended(service.look), service.close)]
    for n_queued, thread in enumerate(ending, start=1):
        thread.start()
        wait_until(lambda n=n_queued: service._recorder._work_queue.qsize() == n)
    held.set()
    for thread in ending:
        thread.join(20)
    for name in ("parts", "bolts"):
        Journal(options.state / name / "journal.jsonl").close()  # another one would be refused


def _ended(work):
    """The work, which may find the service ended."""

    def doing():
        with suppress(RuntimeError):
            work()

    return doing


def test_a_reload_can_be_asked_for(fitted, folder, tmp_path):
    token = "token-of-the-tests-0123456789"
    (tmp_path / "token").write_text(token)
    (tmp_path / "token").chmod(0o600)
    options = replace(PLAIN, token_file=tmp_path / "token", poll_s=1000)
    headers = {"Authorization": f"Bearer {token}"}
    with running(folder, options=options) as server, server.client(headers=headers) as client:
        (told,) = client.post("/admin/reload").json()["models"]
        assert (told["name"], told["has_changed"], told["error"]) == ("parts", False, None)
        put(fitted / "nuts.defectory", folder / "parts.defectory")
        (told,) = client.post("/admin/reload").json()["models"]
        assert told["has_changed"]
        assert versions_of(client) == [told["version"]]
        (folder / "parts.defectory").write_bytes(b"PK")
        answer = client.post("/admin/reload")
        assert answer.status_code == 409
        assert answer.json()["models"][0]["version"] == told["version"]
        assert "parts.defectory" in answer.json()["models"][0]["error"]


@pytest.mark.parametrize(
    ("given", "label"),
    [
        ("served/parts.defectory", "parts"),
        ("bolts=served/parts.defectory", "bolts"),
        ("bolts@2=served/parts.defectory", "bolts@2"),
        ("served", "parts"),
        ("b=c.defectory", "b=c.defectory"),
    ],
)
def test_bundles_are_named(folder, monkeypatch, given, label):
    monkeypatch.chdir(folder.parent)
    shutil.copy(folder / "parts.defectory", "b@c.defectory")
    if given.startswith("b=c"):
        assert find_bundles([given])[0].path.name == "c.defectory"
    else:
        assert find_bundles([given])[0].label == label


@pytest.mark.parametrize(
    ("given", "said"),
    [
        (("served", "parts=served/parts.defectory"), "both be served as parts"),
        (("a b.defectory",), "NAME=PATH"),
        (("empty",), "no bundle"),
        (("x=served",), "folder"),
    ],
)
def test_names_that_cannot_be_are_said(folder, monkeypatch, given, said):
    monkeypatch.chdir(folder.parent)
    (folder.parent / "empty").mkdir()
    with pytest.raises(ParameterError, match=said):
        find_bundles(given)


def test_a_bundle_that_is_not_there_is_said(tmp_path):
    (named,) = find_bundles([str(tmp_path / "x.defectory")])
    with pytest.raises(BundleError, match="no such file"):
        load_served(named)
