"""Nothing that a person was told is kept is lost by kills, nor written over by somebody else unseen."""

import json
import os
import random
import secrets
import signal
import time

import pytest

from defectory.projects import ProjectStore, last_answers
from defectory.projects.answers import answers_of, now
from defectory.projects.bundle_versions import read_versions
from defectory.projects.facts import write_fact
from defectory.projects.mask_files import read_kept_mask
from defectory.workflows.reviewing.project import ReviewProject
from tests.e2e.conftest import run
from tests.e2e.test_kills import Server
from tests.pictures import write_mvtec
from tests.unit.projects.rows import add_pictures, version_row

N_KILLS = {"answers": 20, "create": 8}
N_IMAGES = 30


@pytest.fixture(scope="module")
def servers():
    both = Server(), Server()
    yield both
    for server in both:
        server.close()


@pytest.fixture(scope="module")
def draw():
    seed = int(os.environ.get("DEFECTORY_KILL_SEED", secrets.randbits(32)))
    print(f"DEFECTORY_KILL_SEED={seed}")  # pytest shows it where a test fails
    return random.Random(seed)


def begun(folder, n_images):
    """A review without pictures: what is asked of it here is only that it keeps answers."""
    store = ProjectStore.create(folder)
    with store.writing() as connection:
        add_pictures(connection, [f"{i}.png" for i in range(n_images)])
        version_row(connection, 1, state="current")
        write_fact(connection, "complete", now())
    store.close()
    return folder


def reported(report):
    """What a killed process was told; its last line may be torn."""
    if not report.exists():
        return []
    return [
        json.loads(line)
        for line in report.read_text().splitlines(keepends=True)
        if line[-1:] == "\n"
    ]


def by_etag(folder):
    store = ProjectStore.open(folder)
    with store.reading() as connection:
        found = {
            answer.etag: answer
            for image in last_answers(connection)
            for answer in answers_of(connection, image)
        }
        assert connection.execute("PRAGMA integrity_check").fetchone()[0] == "ok"
        assert not connection.execute("PRAGMA foreign_key_check").fetchall()
    store.close()
    return found


def check_kept(folder, told):
    answers = by_etag(folder)
    for what, image, seen, etag, value, who in told:
        kept = answers[etag]
        assert kept.image == image
        if what == "conflict":
            continue
        assert (kept.what, kept.who) == (what, who)
        assert seen is None or kept.previous == int(seen)
        if what == "label":
            assert kept.value == value
        else:
            assert int(read_kept_mask(folder, kept.mask).argmax()) == value


def test_after_kills_every_answer_that_was_reported_is_there(servers, draw, tmp_path):
    folder, report = begun(tmp_path / "review", N_IMAGES), tmp_path / "report"
    work = ("answer", folder, report, "anna", N_IMAGES)
    for _ in range(N_KILLS["answers"]):
        status = servers[0].kill(draw.uniform(0.01, 0.2), signal.SIGKILL, *work)
        assert status == -signal.SIGKILL
        # a torn last line was no report; the next process begins a new one
        report.write_text("".join(json.dumps(told) + "\n" for told in reported(report)))
    told = reported(report)
    check_kept(folder, told)
    assert len(told) > N_KILLS["answers"]  # the test is worth something
    project = ReviewProject.open(folder)
    project.label(1, "good", who="ben")
    project.close()


def test_two_who_answer_at_once_never_write_over_each_other_unseen(servers, tmp_path):
    folder = begun(tmp_path / "review", 2)
    reports = tmp_path / "anna", tmp_path / "ben"
    children = [
        server.start("answer", folder, report, report.name, 2)
        for server, report in zip(servers, reports, strict=True)
    ]
    deadline = time.monotonic() + 20
    while min(len(reported(report)) for report in reports) < 40 and time.monotonic() < deadline:
        time.sleep(0.05)
    for server, child in zip(servers, children, strict=True):
        os.kill(child, signal.SIGKILL)
        server.status()
    told = [line for report in reports for line in reported(report)]
    check_kept(folder, told)
    assert {line[-1] for line in told} == {"anna", "ben"}
    taken = [(line[1], line[2]) for line in told if line[0] != "conflict" and line[2] is not None]
    assert taken
    assert any(line[0] == "conflict" for line in told)  # the test is worth something
    assert len(set(taken)) == len(taken)  # no state has two successors


def test_a_create_that_is_killed_again_and_again_ends_whole(servers, draw, tmp_path):
    parts = write_mvtec(tmp_path / "parts", n_train=40, n_good=1, n_defective=1)
    fit = run(
        "fit", parts, "-o", tmp_path / "parts.defectory", "--size", 32, "--detector", "gaussian"
    )
    assert fit.exit_code == 0, fit.output
    folder, data = tmp_path / "review", parts / "train"
    work = ("review", folder, tmp_path / "parts.defectory", data)
    for _ in range(N_KILLS["create"]):
        assert servers[0].kill(draw.uniform(0, 0.4), signal.SIGKILL, *work) in (0, -signal.SIGKILL)
    servers[0].start(*work)
    assert servers[0].status() == 0
    project = ReviewProject.open(folder)
    overview = project.overview()
    assert (overview.n_images, overview.n_scored, overview.n_good) == (40, 40, 40)
    with project._review.store.reading() as connection:
        assert [row.state for row in read_versions(connection)] == ["current"]
    project.close()
    left = [path.name for path in (folder / "bundles").iterdir()]
    assert [name for name in left if not name.endswith(".part")] == ["0001.defectory"]
