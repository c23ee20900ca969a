"""Simulated defects: (normal image, random generator) -> (image with a defect, mask)."""

from defectory.simulation.defects import KINDS
from defectory.simulation.foreground import ForegroundRule, GrayThreshold, find_foreground
from defectory.simulation.perlin import perlin_mask, perlin_noise
from defectory.simulation.simulator import MIXES, AnomalySimulator, SimulatedAnomaly
from defectory.simulation.textures import (
    ImageTextures,
    TextureSource,
    photograph_textures,
    product_textures,
)

__all__ = [
    "KINDS",
    "MIXES",
    "AnomalySimulator",
    "ForegroundRule",
    "GrayThreshold",
    "ImageTextures",
    "SimulatedAnomaly",
    "TextureSource",
    "find_foreground",
    "perlin_mask",
    "perlin_noise",
    "photograph_textures",
    "product_textures",
]
