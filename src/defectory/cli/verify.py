"""The command `verify`."""

import json
import sys
from pathlib import Path

import click

from defectory.cli import options as shared
from defectory.cli.errors import plain_errors
from defectory.cli.values import ANY_PATH


@click.command(context_settings=shared.HELP_NAMES)
@click.argument("folder", type=ANY_PATH)
@shared.as_json
@shared.threads
@shared.quiet
@plain_errors
def verify(folder: Path, as_json: bool) -> None:
    """Check that FOLDER, which `export` wrote, decides on this machine as its bundle does.

    Neither the bundle nor what fits one is needed. Exit status 1 where a file is damaged, or one of the
    probes in FOLDER is decided otherwise. What was found is written into FOLDER as certificate.json.
    """
    from defectory.workflows.exporting.verify import verify_folder

    found = verify_folder(folder)
    certificate = found.certificate
    if as_json:
        click.echo(json.dumps(certificate.to_dict(), indent=1))
    else:
        click.echo(f"{'Verified' if certificate.is_ok else 'Refused'}: {certificate.explain()}")
        for flip in certificate.flips:
            click.echo(
                f"  {flip.file}: {flip.outcome_of_bundle} at {flip.score_of_bundle:.4g} became "
                f"{flip.outcome} at {flip.score:.4g}"
            )
        if not found.is_written:
            click.echo("Note: the folder cannot be written; its certificate is that of before")
    if not certificate.is_ok:
        sys.exit(1)
