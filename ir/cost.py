"""What an op costs to run."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class Cost:
    """Work of one op, or a sum over ops. Symbolic sizes count as 1, so a symbolic batch gives the cost of one sample.

    ``macs``: multiply-accumulates. ``params``: elements of constant operands. ``read``, ``written``: bytes.
    """

    macs: int = 0
    params: int = 0
    read: int = 0
    written: int = 0

    def __add__(self, other: Cost) -> Cost:
        return Cost(
            self.macs + other.macs, self.params + other.params, self.read + other.read, self.written + other.written
        )
