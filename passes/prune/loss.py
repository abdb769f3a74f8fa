"""Criteria that look at the gradient of a loss on data."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import torch
import torch.nn.functional as F

from lissom.ir.op import Op
from lissom.ir.values import Value
from lissom.passes.data import Batch
from lissom.passes.prune.evidence import Evidence, Scores, UnitMap

BATCH = 32

Loss = Callable[[list[torch.Tensor], Batch, torch.Generator], torch.Tensor]


def cross_entropy(outputs: list[torch.Tensor], batch: Batch, rng: torch.Generator) -> torch.Tensor:
    """The loss of a classifier whose first output holds logits, summed over the samples."""
    labels = torch.from_numpy(np.asarray(batch.labels).astype(np.int64))
    logits = outputs[0][: len(labels)]
    return F.cross_entropy(logits.reshape(len(labels), -1), labels, reduction="sum")


def projection(outputs: list[torch.Tensor], batch: Batch, rng: torch.Generator) -> torch.Tensor:
    """The outputs along random signs, each relative to its deviation: needs no labels.

    The mean square of its derivative is the squared change of the outputs, to second order.
    """
    total = torch.zeros((), dtype=torch.float64)
    for y in outputs:
        if y.is_floating_point() and y.requires_grad:
            signs = torch.randint(0, 2, y.shape, generator=rng) * 2 - 1
            total = total + (y.double() * signs).sum() / (y.detach().double().std(correction=0) + 1e-12)
    return total


def taylor(evidence: Evidence) -> Scores:
    """Squared change of the loss when a unit goes, at first order (Molchanov et al. 2019, arXiv:1906.10771, eq. 8).

    A unit's gate multiplies it wherever it is read; the derivative by the gate is squared sample by sample, and then
    averaged. The loss is the cross entropy where the data has labels, else :func:`projection`.
    """
    batches = evidence.batches(BATCH if _batch_leads(evidence) else 1)
    labelled = all(b.labels is not None and np.asarray(b.labels).dtype.kind in "iu" for b in batches)
    loss = cross_entropy if labelled else projection
    rng = torch.Generator().manual_seed(evidence.seed)
    scores, count = np.zeros(evidence.solution.count), 0
    for batch in batches:
        scores += np.square(gate_gradients(evidence, batch, loss, rng)).sum(0)
        count += batch.count
    return scores / max(count, 1)


def gate_gradients(evidence: Evidence, batch: Batch, loss: Loss, rng: torch.Generator) -> Scores:
    """The derivative of the loss by every unit's gate: (samples, units); (1, units) where samples are not apart."""
    samples = batch.count if _batch_leads(evidence) else 1
    gates: dict[Op, torch.Tensor] = {}
    maps: dict[Value, list[UnitMap]] = {x: evidence.unit_maps(x) for x in evidence.read.values()}

    def gate(op: Op, x: Value, seen: torch.Tensor) -> torch.Tensor:
        shape = maps[x][0].shape
        gates[op] = torch.ones((len(seen), *shape[1:]) if samples > 1 else shape, dtype=seen.dtype, requires_grad=True)
        return seen * gates[op]

    value = loss(evidence.run(batch.feed, gate), batch, rng)
    total = np.zeros((samples, evidence.solution.count))
    found = torch.autograd.grad(value, list(gates.values()), allow_unused=True)
    for op, gradient in zip(gates, found, strict=True):
        if gradient is None:
            continue
        rows = gradient.double().numpy().reshape(-1 if samples > 1 else 1, maps[evidence.read[op]][0].size)[:samples]
        for units in maps[evidence.read[op]]:
            np.add.at(total.T, units.reshape(-1), rows.T)
    return total


def _batch_leads(evidence: Evidence) -> bool:
    """Whether the first axis of all that is read is the samples."""
    first = {i.type.dims[0] if i.type.dims else None for i in evidence.graph.inputs}
    reads = {x.type.dims[0] for x in evidence.read.values()}
    return len(first) == 1 and reads <= first and all(not isinstance(d, int) for d in first)
