"""Coreset selection and nearest neighbors."""

from defectory.memory.coreset import Coreset, StreamingCoreset, select_coreset
from defectory.memory.neighbors import NeighborIndex

__all__ = ["Coreset", "NeighborIndex", "StreamingCoreset", "select_coreset"]
