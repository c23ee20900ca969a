"""How suspicious an image is that nobody labeled."""

from dataclasses import dataclass

_LITTLE = 0.3


@dataclass(frozen=True)
class Suspect:
    """An unlabeled training image, and how much say it has in what is normal.

    Attributes
    ----------
    index : place among the images that were given to fit
    score : raw image score, by models that have not learned from the image
    weight : [0, 1], what is left of its say in what is normal
    votes, n_votes : models that call it anomalous, of how many
    round : >= 1, of distrust; later rounds know more
    reason : a plain sentence
    """

    index: int
    score: float
    weight: float
    votes: int
    n_votes: int
    round: int
    reason: str

    @property
    def is_distrusted(self) -> bool:
        """Whether it has little say."""
        return self.weight < _LITTLE
