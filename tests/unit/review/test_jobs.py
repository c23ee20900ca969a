"""Jobs: one at a time, with progress, and a sentence where they fail."""

import threading

import pytest

from defectory.backbones.providers import provider_in_force, running_on
from defectory.domain import DataError
from defectory.machine import at_most_cores, count_cores
from defectory.review.errors import RequestError
from defectory.review.jobs import Jobs, JobState


@pytest.fixture
def jobs():
    jobs = Jobs()
    yield jobs
    jobs.stop()


def finish(jobs):
    jobs._thread.join(10)


def test_a_job_knows_what_the_command_was_told(jobs):
    known = []
    with at_most_cores(7), running_on("openvino"):
        jobs.start("teach", lambda _: known.extend([count_cores(), provider_in_force()]))
    finish(jobs)
    assert known == [7, "openvino"]


def test_a_job_tells_how_far_it_is_and_another_waits(jobs):
    may_end, has_begun = threading.Event(), threading.Event()

    def work(progress):
        progress.start("reading", 5)
        progress.advance(2)
        progress.note("loss 1.0")
        progress.say("well")
        has_begun.set()
        may_end.wait(10)

    jobs.start("teach", work)
    assert has_begun.wait(10)
    assert jobs.state() == JobState("teach", "reading", 2, 5, None)
    with pytest.raises(RequestError) as error:
        jobs.start("teach", work)
    assert error.value.status == 409
    may_end.set()
    finish(jobs)
    assert jobs.state() is None


def test_why_it_failed_is_kept_until_the_next(jobs):
    def fail(progress):
        raise DataError("no labels\n  at all")

    jobs.start("teach", fail)
    finish(jobs)
    assert jobs.state().error == "no labels at all"
    jobs.start("teach", lambda progress: None)
    finish(jobs)
    assert jobs.state() is None


def test_a_mistake_of_ours_is_told_without_its_inside(jobs, capsys):
    def fail(progress):
        raise KeyError("inside")

    jobs.start("teach", fail)
    finish(jobs)
    assert "inside" not in jobs.state().error
    assert "KeyError" in capsys.readouterr().err


def test_it_ends_at_its_next_step_when_the_server_does(jobs):
    may_go_on = threading.Event()

    def work(progress):
        progress.start("learning", 10)
        may_go_on.wait(10)
        progress.advance()
        raise AssertionError("it goes on")

    jobs.start("teach", work)
    jobs._progress.is_stopped = True
    may_go_on.set()
    finish(jobs)
    assert "stopped" in jobs.state().error
