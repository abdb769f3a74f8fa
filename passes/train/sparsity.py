"""Gradual magnitude pruning: masks on weights that grow while the network learns, and stay in the graph."""

from __future__ import annotations

import numpy as np
import torch

from lissom.ir.errors import Error
from lissom.ir.graph import Graph
from lissom.ir.ops.mask import Mask
from lissom.ir.values import Const, Value
from lissom.passes.rule import rule
from lissom.passes.train.network import Network, trainable

RAMP = 2 / 3
"""The share of the training in which masks grow; the rest is recovery."""
UPDATES = 100
"""How often masks grow, at most."""


def mask_weights(graph: Graph) -> list[Mask]:
    """Put a mask that keeps everything on each trainable weight of two or more axes; one that has a mask keeps it."""
    masks = []
    for w in trainable(graph):
        if w.type.rank < 2 or w not in graph:
            continue
        found = [
            u
            for u in w.users
            if isinstance(u, Mask) and isinstance(u.keep, Const) and u.keep.data.shape == w.data.shape
        ]
        if not found:
            keep = Const(np.ones(w.data.shape, np.bool_), f"{w.name}.keep")
            mask = Mask(w, keep).named(f"{w.name}.mask", w.loc)
            graph.replace(w, mask)
            found = [mask]
        masks += found
    if not masks:
        raise Error("sparsity needs a weight of two or more axes to train; the graph has none")
    return masks


@rule
def apply_mask(mask: Mask) -> Value | None:
    """Mask(w, keep)  =>  w with zeros."""
    match mask:
        case Mask(Const(w) as weight, Const(keep)):
            return weight.replace(np.where(keep, w, np.zeros((), w.dtype)))
    return None


class Gradual:
    """In each weight the smallest magnitudes are masked, their share rising from what it is to ``final`` as
    ``final + (first - final) (1 - t)^3`` (Zhu, Gupta 2017, arXiv:1710.01878, eq. 1). What is masked stays so.
    """

    def __init__(self, network: Network, masks: list[Mask], final: float, steps: int) -> None:
        self.network, self.final = network, final
        self.ramp = max(1, int(RAMP * steps))
        self.every = max(1, self.ramp // UPDATES)
        self.pairs = [(m.x, m.keep) for m in masks if isinstance(m.x, Const) and isinstance(m.keep, Const)]
        self.first = []
        for _, keep in self.pairs:
            state = network.fixed.pop(keep)
            network.states[keep] = state.clone()
            self.first.append(1 - float(state.double().mean()))

    @torch.no_grad()
    def before_step(self, step: int) -> None:
        """Grow the masks to the share of this step, counted from 0."""
        if step > self.ramp or (step % self.every and step != self.ramp):
            return
        t = step / self.ramp
        for (weight, keep), first in zip(self.pairs, self.first, strict=True):
            share = max(first, self.final + (first - self.final) * (1 - t) ** 3)
            mask, w = self.network.states[keep], self.network.parameters[weight]
            gone = round(share * w.numel()) - int((~mask).sum())
            if gone > 0:
                magnitude = w.abs().masked_fill(~mask, torch.inf).flatten()
                smallest = torch.sort(magnitude, stable=True).indices[:gone]
                now = mask.clone().flatten()
                now[smallest] = False
                self.network.states[keep] = now.reshape(mask.shape)
