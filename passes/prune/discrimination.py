"""A criterion that asks which units tell the classes apart; needs labels."""

from __future__ import annotations

import numpy as np
import torch
import torch.nn.functional as F

from lissom.ir.errors import Error
from lissom.ir.op import Op
from lissom.ir.values import Value
from lissom.passes.least_squares.linear import Matrix, linear
from lissom.passes.prune.evidence import Evidence, Scores
from lissom.passes.prune.magnitude import l1
from lissom.passes.prune.reconstruction import BATCH, Reader, Units, places, readers
from lissom.passes.prune.select import clusters

STAGES = 8
"""Channels are selected in so many steps; weights are solved again in between."""

STEPS = 100
"""Of gradient descent for an auxiliary classifier."""

WEIGHT = 1.0
"""Of the classification loss beside the reconstruction error, which is relative to the outputs."""


def dcp(evidence: Evidence) -> Scores:
    """Discrimination-aware selection (Zhuang et al. 2018, arXiv:1810.11809, algorithm 2).

    Starting from nothing, the units are added along which the gradient of the reconstruction error plus the cross
    entropy of a classifier on the layer's averaged output is largest. Here the classifier is fitted once, on the output
    of the layer as it is, before its nonlinearity.
    """
    everything = readers(evidence)
    pooled, labels = _pooled(evidence, everything)
    scores = l1(evidence)
    for cluster in clusters(evidence.solution):
        units = np.sort(cluster.units)
        mine = [r for r in everything if np.isin(r.units, units).any() and len(r.matrix) == 1]
        if mine and np.isin(units, np.concatenate([r.units.reshape(-1) for r in mine])).all():
            order = _select([_Layer(r, pooled[r], labels, units) for r in mine], len(units))
            scores[units[order]] = np.arange(len(order), 0, -1)
    return scores


def _pooled(evidence: Evidence, everything: list[Reader]) -> tuple[dict[Reader, Matrix], torch.Tensor]:
    """For each reader its inputs averaged over the positions of a sample, (samples, inputs); and the labels."""
    batches = evidence.batches(BATCH)
    if any(b.labels is None or np.asarray(b.labels).dtype.kind not in "iu" for b in batches):
        raise Error("criterion dcp needs labels: an array y of integers beside the inputs")
    wanted = {r.op: r for r in everything}
    found: dict[Reader, list[Matrix]] = {r: [] for r in everything}

    def gather(op: Op, x: Value, seen: torch.Tensor) -> None:
        lin = linear(op) if op in wanted else None
        if lin is not None:
            found[wanted[op]].append(lin.averaged(seen))

    with torch.no_grad():
        for batch in batches:
            evidence.run(batch.feed, gather)
    labels = torch.from_numpy(np.concatenate([np.asarray(b.labels) for b in batches]).astype(np.int64))
    return {r: np.concatenate(rows)[: len(labels)] for r, rows in found.items()}, labels


def _select(layers: list[_Layer], count: int) -> list[int]:
    """All units, in the order in which they are added."""
    order: list[int] = []
    for stage in range(STAGES):
        slope = np.sum([layer.slopes() for layer in layers], axis=0)
        slope[order] = -np.inf
        order += np.argsort(-slope, kind="stable")[: -(-(stage + 1) * count // STAGES) - len(order)].tolist()
        for layer in layers:
            layer.refit(order)
    return order


class _Layer:
    """A reader with the weights of the units selected so far, and a classifier on its averaged output."""

    def __init__(self, reader: Reader, pooled: Matrix, labels: torch.Tensor, units: Units) -> None:
        self.reader, self.pooled, self.labels = reader, pooled, labels
        self.unit = places(reader.units[0], units)
        self.count = len(units)
        self.weights = np.zeros_like(reader.matrix[0])
        self.goal = reader.matrix[0]
        features = torch.from_numpy(pooled @ self.goal)
        self.centre, self.spread = features.mean(0), features.std(0) + 1e-6
        self.head, self.bias = _classifier((features - self.centre) / self.spread, labels)

    def slopes(self) -> Scores:
        """For each unit the squared gradient of the loss by its weights."""
        missing = self.goal - self.weights
        reconstruction = -2 * self.reader.gram[0] @ missing / self.reader.energy
        weights = torch.from_numpy(self.weights).requires_grad_()
        features = (torch.from_numpy(self.pooled) @ weights - self.centre) / self.spread
        loss = F.cross_entropy(features @ self.head + self.bias, self.labels)
        (gradient,) = torch.autograd.grad(loss, weights)
        squares = np.square(reconstruction + WEIGHT * gradient.numpy()).sum(1)
        total = np.zeros(self.count)
        inside = self.unit >= 0
        np.add.at(total, self.unit[inside], squares[inside])
        return total

    def refit(self, order: list[int]) -> None:
        """Solve the weights of what is selected for the output of all."""
        rows = np.flatnonzero(np.isin(self.unit, order) | (self.unit < 0))
        gram = self.reader.gram[0]
        few = gram[np.ix_(rows, rows)] + 1e-3 * np.diagonal(gram).mean() * np.eye(len(rows))
        self.weights = np.zeros_like(self.goal)
        self.weights[rows] = np.linalg.solve(few, gram[rows] @ self.goal)


def _classifier(features: torch.Tensor, labels: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
    """Weights and bias of a softmax classifier."""
    classes = int(labels.max()) + 1
    head = torch.zeros(features.shape[1], classes, dtype=features.dtype, requires_grad=True)
    bias = torch.zeros(classes, dtype=features.dtype, requires_grad=True)
    with torch.enable_grad():
        descent = torch.optim.Adam([head, bias], lr=0.05)
        for _ in range(STEPS):
            descent.zero_grad()
            F.cross_entropy(features @ head + bias, labels).backward()  # type: ignore[no-untyped-call]
            descent.step()
    return head.detach(), bias.detach()
