"""What a person is told before a taught bundle may decide; kept as JSON."""

from collections.abc import Mapping

import msgspec

from defectory.domain import Label
from defectory.domain.scores import finite_or_none
from defectory.workflows.reviewing.facts import Flip, PromiseFacts, Proposal
from defectory.workflows.updating.results import Update


def proposal_from(update: Update, version: int, ids: Mapping[str, int]) -> Proposal:
    """Return what an update does.

    Parameters
    ----------
    version : of the taught bundle
    ids : name, as the update calls an image -> its number in the review
    """
    effect, model = update.effect, update.model
    return Proposal(
        version=version,
        n_labels=update.n_labels,
        threshold_before=finite_or_none(update.threshold_before.value),
        threshold=finite_or_none(model.threshold.value),
        found_before=effect.n_found_before,
        found_after=effect.n_found_after,
        n_defects=effect.n_defects,
        false_before=effect.n_false_before,
        false_after=effect.n_false_after,
        n_good=effect.n_good,
        worse=effect.why_worse(model.promise.false_reject_rate),
        flips=tuple(
            Flip(
                id=ids.get(image.name),
                name=image.name,
                label="good" if image.label == Label.NORMAL else "defective",
                before=image.before,
                after=image.after,
                was_rejected=image.was_rejected,
                is_rejected=image.is_rejected,
                is_right=image.is_right,
            )
            for image in update.flips
        ),
        account=(*update.account, *update.notes),
        promised=PromiseFacts.of(model.threshold),
    )


def encode(proposal: Proposal) -> str:
    """Return it as JSON."""
    return msgspec.json.encode(proposal).decode()


def decode(text: str) -> Proposal:
    """Return what `encode` was given."""
    return msgspec.json.decode(text, type=Proposal)
