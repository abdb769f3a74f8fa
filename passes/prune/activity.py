"""Criteria that look at how active a unit is on data: what the ops that sum over channels read of it."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import torch

from lissom.ir.op import Op
from lissom.ir.values import Value
from lissom.passes.prune.evidence import Evidence, Scores

BATCH = 32


def apoz(evidence: Evidence) -> Scores:
    """Average share of positions that are not zero (Hu et al. 2016, Network Trimming, arXiv:1607.03250).

    Says something behind a ReLU; where activations are never zero all units come out alike.
    """
    return _averaged(evidence, lambda x: (x != 0).double())


def activation(evidence: Evidence) -> Scores:
    """Mean magnitude of the activation (Molchanov et al. 2017, arXiv:1611.06440, section 2.2)."""
    return _averaged(evidence, lambda x: x.double().abs())


def _averaged(evidence: Evidence, rate: Callable[[torch.Tensor], torch.Tensor]) -> Scores:
    """The mean over samples, positions and readers of what ``rate`` makes of the activations of a unit."""
    total, count = np.zeros(evidence.solution.count), np.zeros(evidence.solution.count)
    maps = {x: evidence.unit_maps(x) for x in evidence.read.values()}

    def look(op: Op, x: Value, seen: torch.Tensor) -> None:
        shape = maps[x][0].shape
        axes = [i for i, n in enumerate(shape) if n == 1]
        rated = rate(seen).sum(axes, keepdim=True).numpy() if axes else rate(seen).numpy()
        each = seen.numel() // rated.size
        for units in maps[x]:
            np.add.at(total, units, rated)
            np.add.at(count, units, each)

    with torch.no_grad():
        for batch in evidence.batches(BATCH):
            evidence.run(batch.feed, look)
    return total / np.maximum(count, 1)
