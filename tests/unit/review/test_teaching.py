"""Teaching: in the background, shown before it counts, taken or not, and the way back."""

import threading
import time

import pytest

from tests.unit.review.conftest import etag_of, ids_of, put_label

WAIT_S = 60


def until_done(page):
    end = time.monotonic() + WAIT_S
    while time.monotonic() < end:
        job = page.get("/api/project").json()["job"]
        if job is None or job["error"]:
            return job
        time.sleep(0.02)
    raise AssertionError("the job does not end")


def test_without_labels_there_is_nothing_to_teach(page):
    assert page.get("/api/proposal").status_code == 404
    assert page.post("/api/teach").status_code == 202
    job = until_done(page)
    assert job["kind"] == "teach"
    assert job["error"]


@pytest.fixture(scope="module")
def labeled(page):
    for search, value in (("d0", "defective"), ("g0", "good")):
        for image_id in ids_of(page, search=search)[:4]:
            assert put_label(page, image_id, value, etag_of(page, image_id)).status_code == 200
    assert page.get("/api/project").json()["n_new_labels"] == 8


def taught(page):
    assert page.post("/api/teach").status_code == 202
    assert until_done(page) is None
    return page.get("/api/proposal").json()


def test_a_proposal_is_shown_and_thrown_away(page, labeled):
    proposal = taught(page)
    assert proposal["n_labels"] == 8
    assert {"threshold_before", "threshold", "promised", "worse", "flips", "account"} <= set(
        proposal
    )
    assert page.get("/api/project").json()["proposal"] is True
    other = {"version": proposal["version"] - 1}
    for way in ("accept", "reject"):
        answer = page.post(f"/api/proposal/{way}", json=other)
        assert answer.status_code == 409
        assert "another bundle was taught" in answer.json()["error"]
    answer = page.post("/api/proposal/reject", json={"version": proposal["version"]})
    assert answer.status_code == 204
    assert page.get("/api/proposal").status_code == 404
    assert page.get("/api/project").json()["bundle"]["version"] == 1


def test_a_proposal_is_taken_and_gone_back_from(page, labeled):
    taught(page)
    answer = page.post("/api/proposal/accept", json={})
    if answer.status_code == 409:  # it decides worse, and says so: a person may insist
        assert answer.json()["error"]
        answer = page.post("/api/proposal/accept", json={"force": True})
    assert answer.status_code == 204
    versions = page.get("/api/history").json()["versions"]
    (current,) = [version for version in versions if version["state"] == "current"]
    assert current["version"] > 1
    assert page.get("/api/project").json()["n_new_labels"] == 0
    assert page.post("/api/history/1/restore").status_code == 204
    assert page.get("/api/project").json()["bundle"]["version"] == 1


def test_only_one_job_is_at_work(page, labeled):
    assert page.post("/api/teach").status_code == 202
    second = page.post("/api/teach")
    assert second.status_code == 409
    assert second.json()["error"]
    until_done(page)


@pytest.mark.parametrize("version", ["0", "99", "x", "-1"])
def test_bundles_that_never_were_are_not_restored(page, version):
    answer = page.post(f"/api/history/{version}/restore")
    assert answer.status_code in (404, 409)
    assert answer.json()["error"]


@pytest.mark.parametrize("what", ["accept", "reject"])
def test_without_a_proposal_there_is_nothing_to_answer(page, what):
    page.post("/api/proposal/reject")
    answer = page.post(f"/api/proposal/{what}")
    assert answer.status_code in (404, 409)
    assert answer.json()["error"]


def test_a_job_that_ends_while_the_page_asks_is_told(page, site, monkeypatch):
    """Of the overview before its end and no job afterwards, a page would learn nothing, and wait no more."""
    until_done(page)
    overview, ending = site.project.overview, threading.Event()

    def overview_before_the_end():
        found = overview()
        ending.set()
        while site.jobs.state() is not None:
            time.sleep(0.01)
        return found

    site.jobs.start("teach", lambda _: ending.wait(WAIT_S))
    with monkeypatch.context() as patch:
        patch.setattr(site.project, "overview", overview_before_the_end)
        told = page.get("/api/project").json()
    assert told["job"]["kind"] == "teach"
    assert page.get("/api/project").json()["job"] is None
