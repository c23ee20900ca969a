"""What a report says of images that are neither accepted nor rejected."""

from dataclasses import dataclass


@dataclass(frozen=True)
class GrayZoneContent:
    """The second promise, that on defects, and what a person has to look at.

    Attributes
    ----------
    miss_rate, confidence : (0, 1), the highest share of defects accepted that was asked for, and how surely
    basis : promised, short, estimated or none
    accept_threshold : below it parts are accepted; minus infinity accepts none
    n_defects : that it was fitted on
    promise : what that threshold is worth, in plain sentences
    expected : what is left to look at, in plain sentences
    n_defective, n_good : labeled parts of the test set that a person is to look at
    """

    miss_rate: float
    confidence: float
    basis: str
    accept_threshold: float
    n_defects: int
    promise: str
    expected: str
    n_defective: int
    n_good: int
