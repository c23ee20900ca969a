import pytest

from defectory.app.cli_errors import plain_errors


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


def test_any_other_runtime_error_is_ours_to_see():
    def command():
        raise RuntimeError("a bug")

    with pytest.raises(RuntimeError, match="a bug"):
        plain_errors(command)()
