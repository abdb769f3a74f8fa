"""Weights that are zero, singly or in patterns: masked, kept so through training, and stored without the zeros."""

from __future__ import annotations

from typing import Any, Literal

import numpy as np
import torch

from lissom.ir.errors import Error
from lissom.ir.graph import Graph
from lissom.ir.ops.conv import Conv
from lissom.ir.ops.mask import Mask
from lissom.ir.types import Array
from lissom.ir.values import Const
from lissom.passes import notes
from lissom.passes.data import Data
from lissom.passes.encode.layers import Weights, weights_of
from lissom.passes.graph_pass import Kind, State, graph_pass
from lissom.passes.least_squares.columns import damped
from lissom.passes.least_squares.walk import feeds_of
from lissom.passes.quantize.layers import has_columns
from lissom.passes.sparsify.layers import Inputs, arranged, put_back, walk
from lissom.passes.sparsify.pattern import Kept, Pattern, Scores, lowest, lowest_of_each, parse
from lissom.passes.sparsify.store import store_sparse as store_sparse
from lissom.passes.sparsify.surgeon import brain_surgeon, sparse_gpt

WIDEST = 1024
"""Inputs of a layer up to which ``obc`` is affordable; wider ones are left to sparsegpt."""

Criterion = Literal["magnitude", "wanda", "sparsegpt", "obc"]


@graph_pass(Kind.decide, needs=[State.floats], ends=[State.maskless])
def sparsify(
    graph: Graph,
    *,
    amount: float | None = None,
    nm: str | None = None,
    block: str | None = None,
    criterion: Criterion = "magnitude",
    scope: Literal["uniform", "global"] = "uniform",
    exclude: tuple[str, ...] = (),
    samples: int = 128,
    columns: int = 8192,
    damping: float = 0.01,
    seed: int,
    data: Data | None,
) -> None:
    """Mask the least important weights; with wanda, sparsegpt and obc by what the inputs of a layer are like.

    amount: share of the weights, or blocks, that become zero.
    nm: instead of an amount, how many weights stay of every few along the input channels, such as 2:4.
    block: weights that go together, output channels by input channels of a tap: 1x4, 4x1, 1x16, 4x4.
    criterion: magnitude; wanda (times the norm of the input; Sun et al. 2023, arXiv:2306.11695; compared in each row of
        a matrix, and in all of a convolution, which the paper finds better for images); sparsegpt and obc, which
        change the weights that stay to make up for the others (Frantar et al., arXiv:2301.00774 and 2208.11580; obc is
        exact at each step, for each row, and slow).
    scope: uniform removes the same share of every layer, global ranks the weights of all layers.
    exclude: names of layers that stay as they are; first and last are names of those.
    samples: how many samples of the data are looked at.
    columns: how many windows or rows of a layer's input its correlations are taken from.
    damping: added to the diagonal of the correlations, as a share of its mean.
    """
    pattern = parse(nm, block)
    _check(amount, pattern, criterion, scope)
    found = [w for w in weights_of(graph, "sparsify", exclude) if _takes(w, pattern, criterion)]
    if not found:
        raise Error(f"sparsify: no layer has weights for the pattern {pattern}; lissom explain says why")
    decided: dict[Const, tuple[Array, Kept]] = {}
    share = amount or 0.0
    if criterion == "magnitude":
        scores = [np.where(w.alive, np.abs(w.const.data.astype(np.float64)), -1.0) for w in found]
        for w, kept in zip(found, _chosen(found, scores, pattern, share, scope), strict=True):
            decided[w.const] = w.const.data, kept
    else:
        if data is None:
            raise Error(
                f"criterion {criterion} needs data, and the run has none (--data on the command line, data= in Python)"
            )

        def decide(w: Weights, inputs: Inputs) -> Array:
            new, kept = _by_inputs(w, inputs, pattern, criterion, share, damping)
            decided[w.const] = new, kept
            return np.where(kept, new, np.float32(0))

        walk(graph, feeds_of(data, samples), {w.layer: w for w in found}, columns, seed, decide)
    for w in found:
        _mask(graph, w, *decided[w.const])
    notes.table("sparsity", lambda: [_row(w, pattern, decided[w.const][1]) for w in found])


def _check(amount: float | None, pattern: Pattern, criterion: Criterion, scope: str) -> None:
    if (amount is None) == (pattern.most is None):
        raise Error("sparsify takes an amount, such as 0.75, or nm, such as 2:4" + (", not both" if amount else ""))
    if amount is not None and not 0 <= amount < 1:
        raise Error(f"sparsify: amount is at least 0 and below 1, got {amount:g}")
    if scope == "global" and (criterion != "magnitude" or pattern.most is not None):
        raise Error("sparsify: scope=global is for magnitudes, without nm; the others compare within a layer")
    if criterion in ("wanda", "obc") and pattern.outputs > 1:
        raise Error(f"sparsify: {criterion} goes row by row; for blocks of several outputs take magnitude or sparsegpt")


def _takes(w: Weights, pattern: Pattern, criterion: Criterion) -> bool:
    """Whether a layer has such patterns and can be judged so; a note says why not."""
    op = w.layer
    reason = pattern.fits(arranged(op, w.const.data).shape)
    if criterion != "magnitude":
        if not has_columns(op):
            reason = f"{criterion} has no inputs in columns for {op.op_type}"
        elif w.mask is not None or w.partly is not None:
            reason = "its weights have a mask already; apply_masks writes it into them"
        elif w.const not in op.operands:
            reason = "its weights are computed"
    if criterion == "obc" and w.const.data.size // w.const.data.shape[w.axis] > WIDEST:
        reason = f"more than {WIDEST} inputs; take sparsegpt"
    if reason is not None:
        notes.refused("sparsify", op, reason)
    return reason is None


def _chosen(found: list[Weights], scores: list[Array], pattern: Pattern, amount: float, scope: str) -> list[Kept]:
    """What stays of each weight, in its own shape."""
    rows = [arranged(w.layer, s) for w, s in zip(found, scores, strict=True)]
    if pattern.most is not None:
        kept = [pattern.best(r) for r in rows]
    else:
        blocks = [pattern.of_blocks(r) for r in rows]
        if scope == "global":
            flat = np.concatenate([b.reshape(-1) for b in blocks])
            every = lowest(flat, round(amount * flat.size))
            cuts = np.split(every, np.cumsum([b.size for b in blocks])[:-1])
            whole = [c.reshape(b.shape) for c, b in zip(cuts, blocks, strict=True)]
        else:
            whole = [lowest(b, round(amount * b.size)) for b in blocks]
        kept = [pattern.spread(k, r.shape) for k, r in zip(whole, rows, strict=True)]
    return [put_back(w.layer, k, w.const.data.shape) for w, k in zip(found, kept, strict=True)]


def _by_inputs(
    w: Weights, inputs: Inputs, pattern: Pattern, criterion: Criterion, amount: float, damping: float
) -> tuple[Array, Kept]:
    """New weights and what stays of them, group by group."""
    rows = arranged(w.layer, w.const.data.astype(np.float64))
    outputs, taps, channels = rows.shape
    groups = w.layer.group if isinstance(w.layer, Conv) else 1
    flat = rows.reshape(groups, outputs // groups, taps * channels)
    new, kept = flat.copy(), np.ones(flat.shape, np.bool_)
    for g in range(groups):
        if criterion == "wanda":
            scores = (np.abs(flat[g]) * inputs.norms[g]).reshape(-1, taps, channels)
            rows_apart = not isinstance(w.layer, Conv)
            kept[g] = _most(scores, pattern, amount, rows_apart).reshape(kept[g].shape)
        else:
            h = damped(torch.from_numpy(inputs.correlations[g]), damping).numpy()
            method = sparse_gpt if criterion == "sparsegpt" else brain_surgeon
            new[g], kept[g] = method(flat[g], h, taps, pattern, amount)
    shape, dtype = w.const.data.shape, w.const.data.dtype
    back = put_back(w.layer, new.reshape(rows.shape), shape).astype(dtype)
    return back, put_back(w.layer, kept.reshape(rows.shape), shape)


def _most(scores: Scores, pattern: Pattern, amount: float, rows_apart: bool) -> Kept:
    """What stays of the weights of a group, blocks compared with those of the same output or with all."""
    if pattern.most is not None:
        return pattern.best(scores)
    blocks = pattern.of_blocks(scores)
    if rows_apart:
        return pattern.spread(lowest_of_each(blocks, round(amount * blocks[0].size)), scores.shape)
    return pattern.spread(lowest(blocks, round(amount * blocks.size)), scores.shape)


def _mask(graph: Graph, w: Weights, new: Array, kept: Kept) -> None:
    """Put the mask on the weights, or in the place of the one they have."""
    keep = Const(np.ascontiguousarray(kept & w.alive), f"{w.const.name}.keep")
    if w.mask is not None:
        graph.replace(w.mask, w.mask.replace(keep=keep))
    else:
        const = w.const if new is w.const.data else w.const.replace(new)
        graph.replace(w.const, Mask(const, keep).named(f"{w.const.name}.mask", w.const.loc))
    notes.done("sparsify", w.layer)


def _row(w: Weights, pattern: Pattern, kept: Kept) -> dict[str, Any]:
    """A row of the report's table of sparse weights."""
    zeros = int(kept.size - (kept & w.alive).sum())
    return {
        "weights": w.const.name,
        "elements": kept.size,
        "pattern": str(pattern),
        "zeros": zeros,
        "share": round(zeros / kept.size, 4),
    }
