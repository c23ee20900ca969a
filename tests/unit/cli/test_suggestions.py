"""Commands and options that do not exist."""

import click
import pytest
from click.testing import CliRunner

from defectory.cli.main import main
from defectory.cli.suggestions import COMMANDS, OPTIONS


@pytest.mark.parametrize(
    ("arguments", "says"),
    [
        (["train", "parts"], "did you mean fit?"),
        (["Fit", "parts"], "did you mean fit?"),
        (["scroe", "parts"], "did you mean score?"),
        (["version"], "did you mean --version?"),
        (["xyz"], "--help lists them"),
        (["fit", "parts", "--gpu"], "did you mean --device?"),
        (["fit", "parts", "--ouput", "b"], "Did you mean '--output'?"),
        (["fit", "parts", "-detector", "auto"], "two dashes"),
        (["evaluate", "a", "b", "-o", "c"], "did you mean --report or --json?"),
        (["-v"], "did you mean --version?"),
    ],
)
def test_what_was_meant_is_said(arguments, says):
    result = CliRunner().invoke(main, arguments)
    assert result.exit_code == 2
    assert says in result.output


def test_a_folder_in_the_place_of_the_command_is_said(tmp_path):
    result = CliRunner().invoke(main, [str(tmp_path)])
    assert result.exit_code == 2
    assert f"a command comes first, such as  defectory inspect {tmp_path}" in result.output


def test_what_is_suggested_exists():
    commands = {
        name: main.get_command(click.Context(main), name) for name in main.list_commands(None)
    }
    options = {
        o
        for c in (main, *commands.values())
        for p in c.get_params(click.Context(c, **c.context_settings))
        for o in p.opts
    }
    assert {name for name in COMMANDS.values() if not name.startswith("-")} <= set(commands)
    assert {name for meant in OPTIONS.values() for name in meant} <= options
