"""Processes to be killed. A server forks them, since starting Python anew for each would take minutes.

It reads one JSON list a line, ["pair", "exchange", FOLDER] and the like, and answers with the number of the
process that it forked; asked by another line, it waits for the end of that and answers with the exit status
(negative: the signal that killed it). Until then the number belongs to no other process. Modules named on the
command line are loaded first.
"""

import importlib
import itertools
import json
import os
import random
import signal
import sys
import time
import traceback
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np

from defectory.cli.main import main as command_line
from defectory.projects import ProjectStore, last_answer
from defectory.storage import (
    FileKind,
    OutputFile,
    OutputFolder,
    line_files,
    renames,
    resumable_folder,
    transactions,
    write_outputs,
)
from defectory.workflows.fitting import save  # noqa: F401 loaded before the fork
from defectory.workflows.reviewing.facts import ConflictError
from defectory.workflows.reviewing.project import ReviewProject
from defectory.workflows.scoring import folder  # noqa: F401
from defectory.workflows.shards import merge, score  # noqa: F401
from defectory.workflows.watching import result_files, state, webhooks
from defectory.workflows.watching import watch as _watch  # noqa: F401

NOTE = FileKind("a note", lambda path: path.read_bytes().startswith(b"run "))
N_FILES = 10
KEYS = [f"image {i}" for i in range(30)]


def write_pair(system: str, place: str) -> None:
    """Replace a folder and two files again and again; every file holds the number of the run."""
    if system == "plain":
        renames._system_call = lambda: None
    # so that kills fall between two renames, too, which else are over in no time
    transactions.exchange = slowly(transactions.exchange)
    Path.rename = slowly(Path.rename)
    outputs = outputs_in(Path(place))
    for n in itertools.count():
        with write_outputs(outputs, overwrite=True) as (out, a, b):
            for i in range(N_FILES):
                path = out / f"sub{i % 3}/{i}"
                path.parent.mkdir(exist_ok=True)
                path.write_text(f"run {n} " * 50)
            a.write_text(f"run {n} " * 5000)
            b.write_text(f"run {n} " * 5000)


def slowly(call: Callable[..., Any]) -> Callable[..., Any]:
    """Return the function with a pause behind it."""

    def call_slowly(*arguments: Any) -> Any:
        result = call(*arguments)
        time.sleep(0.004)
        return result

    return call_slowly


def outputs_in(place: Path) -> list[OutputFolder | OutputFile]:
    """Return what `write_pair` writes."""
    return [
        OutputFolder(place / "out", "test"),
        OutputFile(place / "a", NOTE),
        OutputFile(place / "b", NOTE),
    ]


def fill(place: str) -> None:
    """Fill a folder row by row, where another was killed."""
    output = OutputFolder(Path(place) / "out", "test", is_resumable=True)
    files = ["all", *(f"pictures/{key}" for key in KEYS)]
    with resumable_folder(
        output, run="run", keys=KEYS, files=files, say=lambda _: None, overwrite=True
    ) as growing:
        for i in range(growing.n_done, len(KEYS)):
            name = f"pictures/{KEYS[i]}"
            content = growing.write(name, KEYS[i].encode() * 500)
            time.sleep(0.001)
            growing.append({"i": i, "x": 0.1 * i}, {name: content})
        growing.path("all").write_text("\n".join(map(str, growing.rows())))


def run_command(errors: str, *arguments: str) -> None:
    """Run the command line; what it says goes into a file."""
    handle = os.open(errors, os.O_WRONLY | os.O_CREAT | os.O_TRUNC)
    os.dup2(handle, 1)
    os.dup2(handle, 2)
    sys.stdout = sys.stderr = os.fdopen(handle, "w")  # the server's are shared
    command_line(arguments)


def watch_to(errors: str, n_steps: str, *arguments: str) -> None:
    """Run `watch`, and be killed before a step of it that another process may see the work of, or after."""
    left = int(n_steps)

    def counted(call: Callable[..., Any]) -> Callable[..., Any]:
        def call_counted(*given: Any, **named: Any) -> Any:
            step()
            result = call(*given, **named)
            step()
            return result

        return call_counted

    def step() -> None:
        nonlocal left
        left -= 1
        if left == 0:
            os.write(1, b"killed at its step\n")
            os.kill(os.getpid(), signal.SIGKILL)

    for owner, name in WATCH_STEPS:
        setattr(owner, name, counted(getattr(owner, name)))
    run_command(errors, "watch", *arguments)


def answer(place: str, report: str, who: str, n_images: str) -> None:
    """Label images and draw on them for ever; what was promised to be kept is written into a report."""
    project, store = ReviewProject.open(Path(place)), ProjectStore.open(Path(place))
    rng = random.Random(f"{who} {time.time_ns()}")
    handle = os.open(report, os.O_WRONLY | os.O_CREAT | os.O_APPEND)
    while True:
        image = rng.randint(1, int(n_images))
        seen = None
        if rng.random() < 0.5:
            with store.reading() as connection:
                seen = last_answer(connection, image).etag
            time.sleep(rng.uniform(0, 0.02))  # a person looks, and another one is faster
        value, mask = rng.choice(["good", "defective", None]), np.zeros((4, 6), bool)
        mask.ravel()[rng.randrange(24)] = True
        try:
            if rng.random() < 0.3:
                state = project.set_mask(image, mask, who=who, expected=seen)
                told = ["mask", image, seen, state.etag, int(mask.argmax())]
            else:
                state = project.label(image, value, who=who, expected=seen)
                told = ["label", image, seen, state.etag, value]
        except ConflictError as error:
            told = ["conflict", image, seen, error.current.etag, None]
        os.write(handle, (json.dumps([*told, who]) + "\n").encode())


WATCH_STEPS: list[tuple[Any, str]] = [
    (state.WatchState, "record"),
    (state.WatchState, "mark_written"),
    (state.WatchState, "mark_sent"),
    (line_files.LineFile, "append"),
    (result_files, "write_whole"),
    (webhooks, "_post"),
]


def review(place: str, bundle: str, data: str) -> None:
    """Begin a review, or go on with it."""
    ReviewProject.create(Path(place), Path(bundle), Path(data)).close()


KINDS = {
    "pair": write_pair,
    "fill": fill,
    "command": run_command,
    "watch": watch_to,
    "answer": answer,
    "review": review,
}


def serve() -> None:
    """Fork one process a line."""
    for line in sys.stdin:
        kind, *arguments = json.loads(line)
        child = os.fork()
        if child == 0:
            live(kind, arguments)
        print(child, flush=True)
        sys.stdin.readline()
        print(os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]), flush=True)


def live(kind: str, arguments: list[str]) -> None:
    """Do the work and end, without what the server would do at its end."""
    status = 0
    try:
        KINDS[kind](*arguments)
    except SystemExit as ended:
        status = int(ended.code or 0)
    except BaseException:
        traceback.print_exc()
        status = 99
    sys.stderr.flush()
    os._exit(status)


if __name__ == "__main__":
    for name in sys.argv[1:]:
        importlib.import_module(name)
    serve()
