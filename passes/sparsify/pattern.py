"""Which weights go together: single ones, blocks, or a number of every few.

Weights are seen as (outputs, taps, channels): what lies side by side in a row are the input channels of one tap.
"""

from __future__ import annotations

import re
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from lissom.ir.errors import Error

Scores = npt.NDArray[np.float64]
Kept = npt.NDArray[np.bool_]


@dataclass(frozen=True)
class Pattern:
    """Blocks of ``outputs`` by ``channels`` weights; or, with ``most``, at most so many of every ``channels``."""

    outputs: int = 1
    channels: int = 1
    most: int | None = None

    def __str__(self) -> str:
        return f"{self.outputs}x{self.channels}" if self.most is None else f"{self.most}:{self.channels}"

    def fits(self, shape: tuple[int, ...]) -> str | None:
        """Why weights (outputs, taps, channels) have no such groups, or None."""
        if shape[2] < self.channels:
            return f"{shape[2]} input channels of a group, too few for {self}"
        return f"{shape[0]} output channels, too few for {self}" if shape[0] < self.outputs else None

    def of_blocks(self, scores: Scores) -> Scores:
        """The mean of each block, those at the ends perhaps smaller: (blocks of outputs, taps, blocks of channels)."""
        sums, counts = (_summed(a, self.outputs, self.channels) for a in (scores, np.ones_like(scores)))
        return sums / counts

    def spread(self, kept: Kept, shape: tuple[int, ...]) -> Kept:
        """What holds for blocks, for their weights."""
        whole = kept.repeat(self.outputs, 0).repeat(self.channels, 2)
        whole = whole[: shape[0], :, : shape[2]]
        return whole

    def best(self, scores: Scores) -> Kept:
        """With ``most``: the highest scores of every group."""
        outputs, taps, channels = scores.shape
        filled = np.full((outputs, taps, -(-channels // self.channels) * self.channels), -np.inf)
        filled[..., :channels] = scores
        groups = filled.reshape(outputs, taps, -1, self.channels)
        rank = np.argsort(np.argsort(-groups, axis=3, kind="stable"), axis=3)
        best: Kept = (rank < (self.most or 0)).reshape(filled.shape)[..., :channels]
        return best


def parse(nm: str | None, block: str | None) -> Pattern:
    """The pattern behind ``nm="2:4"`` or ``block="1x4"``; raises Error for what is neither."""
    if nm is not None and block is not None:
        raise Error("sparsify takes nm or block, not both")
    for text, mark, example in ((nm, ":", 'nm="2:4"'), (block, "x", 'block="1x4"')):
        if text is None:
            continue
        found = re.fullmatch(rf"(\d+){mark}(\d+)", text)
        first, second = (int(found[1]), int(found[2])) if found else (0, 0)
        if not first or not second or (mark == ":" and first >= second):
            raise Error(f"sparsify: {text!r} is no pattern; it is written {example}")
        return Pattern(first, second) if mark == "x" else Pattern(channels=second, most=first)
    return Pattern()


def lowest(scores: Scores, count: int) -> Kept:
    """False at the ``count`` lowest scores of all, True elsewhere; of equals the first go."""
    kept = np.ones(scores.size, np.bool_)
    kept[np.argsort(scores, axis=None, kind="stable")[:count]] = False
    return kept.reshape(scores.shape)


def lowest_of_each(scores: Scores, count: int) -> Kept:
    """The same in every row."""
    rank = np.argsort(np.argsort(scores.reshape(len(scores), -1), axis=1, kind="stable"), axis=1)
    return (rank >= count).reshape(scores.shape)


def _summed(a: Scores, outputs: int, channels: int) -> Scores:
    rows = np.add.reduceat(a, np.arange(0, a.shape[0], outputs), axis=0)
    summed: Scores = np.add.reduceat(rows, np.arange(0, a.shape[2], channels), axis=2)
    return summed
