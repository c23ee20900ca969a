"""Progress where there is no terminal: a few plain lines."""

import io
import sys

import click
import pytest

from defectory.cli.bars import Bars, Lines
from defectory.cli.options import QUIET


class Log:
    """Lines, and a clock that is set by hand."""

    def __init__(self):
        self.now, self.written = 0.0, []
        self.lines = Lines(self.written.append, lambda: self.now)


def test_a_stage_has_its_beginning_and_its_end():
    log = Log()
    log.lines.start("scoring", 5000)
    log.now = 2.5
    log.lines.advance(5000)
    log.lines.end()
    assert log.written == ["scoring: 5,000", "scoring: 5,000 done in 2.5 s"]
    log.lines.end()
    assert len(log.written) == 2


def test_between_them_there_is_one_line_in_ten_seconds():
    log = Log()
    log.lines.start("scoring", 5000)
    for _ in range(1200):
        log.now += 1 / 32
        log.lines.advance(1)
    assert len(log.written) == 1 + 3
    assert log.written[1] == "scoring: 320 of 5,000, 32/s, about 2 min left"
    log.now += 3000
    log.lines.advance(1)
    assert log.written[-1].endswith("0.4/s, about 2.7 h left")


def test_a_stage_that_follows_ends_the_one_before():
    log = Log()
    log.lines.start("reading", 3)
    log.lines.advance(3)
    log.lines.start("scoring", 0)
    assert log.written == ["reading: 3", "reading: 3 done in 0.0 s"]
    log.lines.start("drawing", 5)
    log.lines.advance(1)
    assert log.written[2:] == ["drawing: 5"], "scoring never began"


def test_steps_without_a_stage_say_nothing():
    log = Log()
    log.lines.advance(3)
    assert log.written == []


@pytest.mark.parametrize("is_quiet", [True, False])
def test_what_is_said_is_said_even_when_quiet(monkeypatch, is_quiet):
    stream = io.StringIO()
    monkeypatch.setattr(sys, "stderr", stream)
    context = click.Context(click.Command("fit"))
    context.meta[QUIET] = is_quiet
    with context, Bars() as bars:
        bars.start("reading", 2)
        bars.advance(2)
        bars.say("note: [red]a file[/red] is odd")
    lines = stream.getvalue().splitlines()
    assert "note: [red]a file[/red] is odd" in lines
    assert len(lines) == (1 if is_quiet else 3)


def test_an_error_leaves_the_stage_without_an_end(monkeypatch):
    stream = io.StringIO()
    monkeypatch.setattr(sys, "stderr", stream)

    def fail():
        with Bars() as bars:
            bars.start("reading", 2)
            bars.advance(1)
            raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        fail()
    assert stream.getvalue() == "reading: 2\n"
