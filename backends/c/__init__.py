"""The C back end: a graph becomes portable C99 that stands alone."""

from __future__ import annotations

from lissom.backends.c.artifact import Artifact
from lissom.backends.c.emit import emit

__all__ = ["Artifact", "emit"]
