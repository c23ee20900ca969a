"""Coreset selection and nearest neighbors."""

from defectory.memory.coreset import (
    Coreset,
    StreamingCoreset,
    merge_coresets,
    select_coreset,
)
from defectory.memory.neighbors import NeighborIndex

__all__ = ["Coreset", "NeighborIndex", "StreamingCoreset", "merge_coresets", "select_coreset"]
