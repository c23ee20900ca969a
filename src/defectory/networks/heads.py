"""What contrastive learning hangs on features: an embedding for instances, logits for slots."""

from typing import NamedTuple

from torch import Tensor, nn
from torch.nn.functional import normalize

N_EMBEDDING = 128


class ContrastOutputs(NamedTuple):
    """Outputs of a network that MCOD trains.

    Attributes
    ----------
    features : (n, d), what memory holds and reads back
    embedding : (n, 128) of length 1, what instances are told apart by
    slots : (n, k) logits of the memory's slots
    """

    features: Tensor
    embedding: Tensor
    slots: Tensor


class ContrastHeads(nn.Module):
    """Embedding and slot logits of (n, d) features."""

    def __init__(self, n_features: int, n_slots: int) -> None:
        super().__init__()
        n_hidden = max(N_EMBEDDING, n_features)
        self.embed = nn.Sequential(
            nn.Linear(n_features, n_hidden), nn.ReLU(), nn.Linear(n_hidden, N_EMBEDDING)
        )
        self.slots = nn.Linear(n_features, n_slots)

    def forward(self, features: Tensor) -> ContrastOutputs:
        """Return the features with what the heads make of them."""
        return ContrastOutputs(
            features, normalize(self.embed(features), dim=1), self.slots(features)
        )


class ContrastNetwork(nn.Module):
    """A network that gives ContrastOutputs by its `heads`."""

    heads: ContrastHeads


class ProjectionEncoder(ContrastNetwork):
    """A trained projection of frozen features: themselves, plus what two layers add.

    The added part starts at zero: training begins at the frozen features' own geometry.
    """

    def __init__(self, n_features: int, n_slots: int, n_hidden: int = 256) -> None:
        super().__init__()
        self.hidden = nn.Linear(n_features, n_hidden)
        self.added = nn.Linear(n_hidden, n_features)
        nn.init.zeros_(self.added.weight)
        nn.init.zeros_(self.added.bias)
        self.heads = ContrastHeads(n_features, n_slots)

    def forward(self, vectors: Tensor) -> ContrastOutputs:
        """Return features, embedding and slot logits of (n, d) vectors."""
        outputs: ContrastOutputs = self.heads(vectors + self.added(self.hidden(vectors).relu()))
        return outputs
