"""What a command says when something goes wrong."""

import sys
from collections.abc import Callable
from functools import wraps
from typing import Any, NoReturn, TypeVar

import click

from defectory.cli.interruption import remembered_interruption

Command = TypeVar("Command", bound=Callable[..., Any])


def plain_errors(command: Command) -> Command:
    """Turn errors that a user can act on into one line and exit status 1 (130 on Ctrl-C)."""

    @wraps(command)
    def guarded(*args: Any, **kwargs: Any) -> Any:
        from defectory.domain import DefectoryError

        try:
            with remembered_interruption():
                return command(*args, **kwargs)
        except DefectoryError as error:
            click.echo(f"defectory: {error}", err=True)
            sys.exit(1)
        except KeyboardInterrupt:
            _say_interrupted()
        except RuntimeError as error:
            # Python 3.11 can lose Ctrl-C in a waiting lock, and complain of the lock instead
            if not isinstance(error.__context__, KeyboardInterrupt):
                raise
            _say_interrupted()
        except MemoryError:
            click.echo("defectory: out of memory; choose a smaller --size", err=True)
            sys.exit(1)
        except OSError as error:
            click.echo(f"defectory: {error.filename or ''}: {error.strerror or error}", err=True)
            sys.exit(1)

    return guarded  # type: ignore[return-value]


def _say_interrupted() -> NoReturn:
    click.echo("defectory: interrupted; nothing was half-written", err=True)
    sys.exit(130)
