"""A row is run: its folder is prepared, its command runs there, and what came of it is compared."""

import contextlib
import fnmatch
import hashlib
import io
import os
import re
import shlex
import stat
import subprocess
import sys
import warnings
from collections.abc import Iterable, Sequence
from dataclasses import replace
from pathlib import Path

import numpy as np
from click.testing import CliRunner

import defectory
from defectory.cli.main import main
from tests.e2e.user_table.row import NEVER, Row

_TIMEOUT_S = 120
_SMALL = """
mkdir -p small && mount -t tmpfs -o size={size} tmpfs small || exit 99
{prepare}
{command}
status=$?
cp -a small after
exit $status
"""


def check_row(row: Row, place: Path) -> list[str]:
    """Return what is wrong with the answer to a row, one line each; nothing where all is right."""
    row = replace(
        row,
        do=row.do.replace("{place}", str(place)),
        env={name: value.replace("{place}", str(place)) for name, value in row.env.items()},
    )
    for build in row.given:
        build(place)
    before = snapshot(place)
    with contextlib.chdir(place):
        status, answer = _run(row)
    wrong = [*_check_answer(row, status, answer)]
    after = snapshot(place)
    wrong += _check_disk(before, after, row.leaves, row.may_leave, row.replaces)
    wrong += _check_content(row, place)
    if row.then and not wrong:
        with contextlib.chdir(place):
            status, again = run_command(shlex.split(row.then))
        if status != 0:
            wrong.append(f"then: exit status {status}: {again}")
        wrong += _check_disk(before, snapshot(place), row.then_leaves, (), row.replaces)
    return [*wrong, f"answer: {answer}"] if wrong else []


def _run(row: Row) -> tuple[int, str]:
    if row.python:
        return run_python(row.do)
    if row.stop:
        return _run_stopped(row)
    if row.small_disk is not None:
        return _run_on_small_disk(row, row.small_disk)
    if row.shell:
        command = f"{shlex.quote(sys.executable)} -m defectory "
        script = re.sub(r"(?<![\w.])defectory ", command, row.do)
        return _run_process(["sh", "-c", script], row)
    if row.process:
        return _run_process([sys.executable, "-m", "defectory", *shlex.split(row.do)], row)
    return run_command(shlex.split(row.do))


def run_command(arguments: Sequence[str]) -> tuple[int, str]:
    """Run the command line in this process; return exit status and everything it said."""
    result = CliRunner().invoke(main, list(arguments), prog_name="defectory", terminal_width=200)
    if result.exception is not None and not isinstance(result.exception, SystemExit):
        return 70, f"{result.output}\nTraceback: {result.exception!r}"
    return result.exit_code, result.output


def run_python(code: str) -> tuple[int, str]:
    """Run a user's lines; return 1 for an error that a user can act on, 70 for any other."""
    out = io.StringIO()
    names = {"defectory": defectory, "np": np, "Path": Path}
    with contextlib.redirect_stdout(out), warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        try:
            exec(compile(code, "user.py", "exec"), names)
            status, end = 0, ""
        except defectory.DefectoryError as error:
            status, end = 1, f"{type(error).__name__}: {error}"
        except (TypeError, ValueError) as error:  # as Python says it of a call
            status, end = 2, f"{type(error).__name__}: {error}"
        except Exception as error:
            status, end = 70, f"Traceback: {error!r}"
    said = [f"{w.category.__name__}: {w.message}" for w in caught]
    return status, "\n".join([out.getvalue(), *said, end])


def _run_process(command: Sequence[str], row: Row) -> tuple[int, str]:
    done = subprocess.run(
        command,
        env=_environment(row),
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        stdin=subprocess.DEVNULL,
        timeout=_TIMEOUT_S,
        check=False,
    )
    return done.returncode, done.stdout.decode("utf-8", "backslashreplace")


def _run_stopped(row: Row) -> tuple[int, str]:
    assert row.stop is not None
    wrapper = Path(__file__).with_name("stopping.py")
    told = [row.stop.by, str(row.stop.step)]
    return _run_process([sys.executable, str(wrapper), *told, *shlex.split(row.do)], row)


def _run_on_small_disk(row: Row, size_kb: int) -> tuple[int, str]:
    command = shlex.join([sys.executable, "-m", "defectory", *shlex.split(row.do)])
    prepare = "" if size_kb else "mount -o remount,ro small || exit 99"
    script = _SMALL.format(size=f"{size_kb or 64}k", prepare=prepare, command=command)
    return _run_process(["unshare", "-rm", "sh", "-c", script], row)


def _environment(row: Row) -> dict[str, str]:
    source = str(Path(defectory.__file__).parent.parent)
    return {**os.environ, "PYTHONPATH": source, "OMP_NUM_THREADS": "1", **row.env}


def _check_answer(row: Row, status: int, answer: str) -> Iterable[str]:
    if status != row.status:
        yield f"exit status {status}, not {row.status}"
    squeezed = " ".join(answer.split())
    for pattern in row.says:
        if not re.search(pattern, squeezed, re.IGNORECASE):
            yield f"does not say {pattern!r}"
    never = (*NEVER, *row.never) if row.python else (*NEVER, "NoneType", *row.never)
    for pattern in never:
        if re.search(pattern, squeezed):
            yield f"says {pattern!r}"


def _check_disk(
    before: dict[str, str],
    after: dict[str, str],
    leaves: Sequence[str],
    may_leave: Sequence[str],
    replaces: Sequence[str],
) -> Iterable[str]:
    for name, content in before.items():
        if after.get(name) != content and not _is_named(name, replaces):
            yield f"{'changed' if name in after else 'gone'}: {name}"
    new = [name for name in after if name not in before]
    for pattern in leaves:
        found = [n for n in after if fnmatch.fnmatch(n, pattern)]
        if not found or (not _is_named(found[0], replaces) and all(n in before for n in found)):
            yield f"not there: {pattern}"
    for name in new:
        if not _is_named(name, (*leaves, *may_leave, *replaces, *_BESIDE_BUNDLES)):
            yield f"unexpected: {name}"


# every fit on unlabeled images ranks them
_BESIDE_BUNDLES = ("*.suspects.jsonl",)


def _is_named(name: str, patterns: Sequence[str]) -> bool:
    """Whether a name is one of the patterns, lies in one (not if it ends in /), or is a folder above one."""
    return any(
        f"{name}/" == pattern
        or fnmatch.fnmatch(name, pattern)
        or fnmatch.fnmatch(name, f"{pattern}/*")
        or pattern.startswith(f"{name}/")
        for pattern in patterns
    )


def _check_content(row: Row, place: Path) -> Iterable[str]:
    for name, patterns in row.holds.items():
        path = place / name
        if not path.is_file():
            yield f"not there: {name}"
            continue
        content = path.read_bytes().decode("utf-8", "backslashreplace")
        for pattern in patterns:
            if not re.search(pattern, content):
                yield f"{name} does not hold {pattern!r}: {content[:300]}"


def snapshot(place: Path) -> dict[str, str]:
    """Return name -> what is there, for everything under a folder; links are not followed."""
    found: dict[str, str] = {}
    for folder, folders, files in os.walk(place):
        for name in (*folders, *files):
            path = Path(folder) / name
            found[path.relative_to(place).as_posix()] = _describe(path)
    return found


def _describe(path: Path) -> str:
    mode = path.lstat().st_mode
    if stat.S_ISLNK(mode):
        return f"link to {path.readlink()}"
    if stat.S_ISDIR(mode):
        return "folder"
    if not stat.S_ISREG(mode):
        return "special"
    return hashlib.sha256(path.read_bytes()).hexdigest()
