import contextlib
import io
import signal

import pytest

from defectory.cli.bars import Bars
from defectory.cli.errors import plain_errors
from defectory.domain import ParameterError


def _lost_interrupt():
    try:
        raise KeyboardInterrupt
    except KeyboardInterrupt:
        raise RuntimeError("cannot release un-acquired lock")  # noqa: B904 - as Python raises it


def _interrupt():
    raise KeyboardInterrupt


@pytest.mark.parametrize("command", [_interrupt, _lost_interrupt])
def test_an_interrupt_ends_with_130_even_where_a_lock_swallowed_it(command, capsys):
    with pytest.raises(SystemExit) as done:
        plain_errors(command)()
    assert done.value.code == 130
    assert "interrupted" in capsys.readouterr().err


def _swallow_an_interrupt_and_go_on():
    bars = Bars()
    with contextlib.suppress(KeyboardInterrupt):
        signal.raise_signal(signal.SIGINT)
    bars.advance()


def test_an_interrupt_that_went_astray_ends_the_command_at_the_next_image(capsys):
    before = signal.getsignal(signal.SIGINT)
    with pytest.raises(SystemExit) as done:
        plain_errors(_swallow_an_interrupt_and_go_on)()
    assert done.value.code == 130
    assert "interrupted" in capsys.readouterr().err
    assert signal.getsignal(signal.SIGINT) is before
    plain_errors(Bars().advance)()  # the next command knows nothing of it


@pytest.mark.parametrize("error", [ImportError, ValueError, ParameterError, OSError])
@pytest.mark.parametrize(("number", "status"), [("SIGINT", 130), ("SIGTERM", 143), ("SIGHUP", 129)])
def test_an_interrupt_that_a_library_took_for_an_error_ends_as_one(error, number, status, capsys):
    def command():
        try:
            signal.raise_signal(getattr(signal, number))
        except KeyboardInterrupt:
            raise error("initialization failed") from None

    with pytest.raises(SystemExit) as done:
        plain_errors(command)()
    assert done.value.code == status
    assert capsys.readouterr().err == "defectory: interrupted; nothing was half-written\n"


def test_what_was_noted_of_an_error_is_said_in_its_line(capsys):
    def command():
        error = ParameterError("size is -1")
        error.add_note("3 of 6 images are done\nand kept")
        raise error

    with pytest.raises(SystemExit) as done:
        plain_errors(command)()
    assert done.value.code == 1
    said = "defectory: size is -1; 3 of 6 images are done\\nand kept\n"
    assert capsys.readouterr().err == said


def test_any_other_runtime_error_is_ours_to_see():
    def command():
        raise RuntimeError("a bug")

    with pytest.raises(RuntimeError, match="a bug"):
        plain_errors(command)()


def test_names_are_printed_on_terminals_that_lack_their_letters(monkeypatch):
    raw = io.BytesIO()
    out = io.TextIOWrapper(raw, encoding="cp1252")
    monkeypatch.setattr("sys.stdout", out)

    @plain_errors
    def command():
        out.write("Prüf 良品 \udcfc")

    command()
    out.flush()
    assert raw.getvalue() == b"Pr\xfcf \\u826f\\u54c1 \xfc"
