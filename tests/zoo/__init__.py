"""Small networks of every family that channel removal must survive; see ``entry.py``."""

from zoo.entry import ZOO, Entry
from zoo.families import (  # each fills ZOO
    branching,
    classic,
    dense_prediction,
    language,
    mobile,
    odd,
    residual,
    several,
    vision_transformers,
)

__all__ = [
    "ZOO",
    "Entry",
    "branching",
    "classic",
    "dense_prediction",
    "language",
    "mobile",
    "odd",
    "residual",
    "several",
    "vision_transformers",
]
