"""Which images to ask a person about next, what the answers say so far, and when they are enough."""

from defectory.labeling.candidates import Candidates, spread_labels
from defectory.labeling.queue import DEFAULT_MIX, STRATEGIES, QueueEntry, make_queue
from defectory.labeling.random_part import find_random_part
from defectory.labeling.running_estimates import RunningEstimate, ShareEstimate, estimate_running
from defectory.labeling.stopping import FEWEST_ANSWERS, Gain, expected_gain, threshold_spread

__all__ = [
    "DEFAULT_MIX",
    "FEWEST_ANSWERS",
    "STRATEGIES",
    "Candidates",
    "Gain",
    "QueueEntry",
    "RunningEstimate",
    "ShareEstimate",
    "estimate_running",
    "expected_gain",
    "find_random_part",
    "make_queue",
    "spread_labels",
    "threshold_spread",
]
