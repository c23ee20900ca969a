"""`defectory`: the group of all commands, each in a file of its own."""

import click

from defectory import __version__
from defectory.cli.cache import cache
from defectory.cli.demo import demo
from defectory.cli.evaluate import evaluate
from defectory.cli.fit import fit
from defectory.cli.inspect import inspect
from defectory.cli.options import quiet
from defectory.cli.outliers import outliers
from defectory.cli.score import score
from defectory.cli.simulate import simulate
from defectory.cli.update import update


@click.group(context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 100})
@click.version_option(__version__, prog_name="defectory")
def main() -> None:
    """Find defects in product images: fit on what you have, score, evaluate, report.

    DATA is a folder (MVTec layout; good/, defect.../, unlabeled/; or just images) or a CSV or JSONL
    manifest. BUNDLE is the one file that fit writes and that scores the same wherever it is shipped.
    """


for command in (fit, update, score, evaluate, inspect, simulate, outliers, demo):
    quiet(command)
    main.add_command(command)
main.add_command(cache)
