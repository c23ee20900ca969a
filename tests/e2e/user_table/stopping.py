"""The command line, which gets a signal in the middle: SIGNAL STEP ARGUMENTS..."""

import os
import signal
import sys

from defectory.cli.bars import Bars
from defectory.cli.main import main

by, step, *arguments = sys.argv[1:]
start, advance = Bars.start, Bars.advance
seen = {"steps": 0}


def start_anew(self: Bars, name: str, total: int, *more: int, **options: int) -> None:
    seen["steps"] = 0
    start(self, name, total, *more, **options)


def advance_and_stop(self: Bars, steps: int = 1) -> None:
    seen["steps"] += steps
    if seen["steps"] >= int(step):
        os.kill(os.getpid(), getattr(signal, by))
    advance(self, steps)


Bars.start, Bars.advance = start_anew, advance_and_stop
main(arguments, prog_name="defectory")
