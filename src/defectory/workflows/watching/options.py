"""What a watch is asked for, and what it says at its end."""

from dataclasses import dataclass
from pathlib import Path

from defectory.workflows.alarms import AlarmRecord
from defectory.workflows.watching.arrivals import PATIENCE_S


@dataclass(frozen=True)
class WatchOptions:
    """What to watch, and what to do with what comes.

    Attributes
    ----------
    folder : that is watched; may be away for a while
    bundle : that judges; taken up again when it is replaced
    output : folder of the results; see `watch`
    once : end when everything that is there is judged
    poll_s : > 0, between two looks into the folder
    settle_s : >= 0, a file is read once it has stayed the same for so long
    patience_s : >= 0, a file that cannot be read counts as unreadable so long after its last change
    webhook : address that gets every result; "" for none
    secret : file of what signs messages; None for one in `output`
    alarm : watch for drift
    journal : keep a journal that `defectory review` can be begun from
    keep_bytes : of the images that came last, to be kept; 0 for none
    heatmaps : draw those of images that are not accepted
    answers : a file an image, for a machine that waits for it
    false_reject_rate, miss_rate : decide by other promises than the bundle's
    """

    folder: Path
    bundle: Path
    output: Path
    once: bool = False
    poll_s: float = 0.5
    settle_s: float = 1.0
    patience_s: float = PATIENCE_S
    webhook: str = ""
    secret: Path | None = None
    alarm: bool = False
    journal: bool = False
    keep_bytes: int = 0
    heatmaps: bool = False
    answers: bool = False
    false_reject_rate: float | None = None
    miss_rate: float | None = None


@dataclass(frozen=True)
class WatchSummary:
    """What was done.

    Attributes
    ----------
    n_judged : images, by this run
    n_rejected, n_review, n_unreadable : of them
    n_unsent : messages that wait for the next run
    alarm : None where nobody watched for drift
    """

    n_judged: int
    n_rejected: int
    n_review: int
    n_unreadable: int
    n_unsent: int
    alarm: AlarmRecord | None
