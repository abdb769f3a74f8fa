"""Weights of a layer that share a few values."""

from __future__ import annotations

import numpy as np

from lissom.ir.errors import Error
from lissom.ir.graph import Graph
from lissom.passes import notes
from lissom.passes.encode.encode import encoded, note_bytes
from lissom.passes.encode.kmeans import Start, kmeans
from lissom.passes.encode.layers import Weights, weights_of
from lissom.passes.graph_pass import Kind, State, graph_pass


@graph_pass(Kind.decide, needs=[State.floats], ends=[State.codeless])
def cluster(graph: Graph, *, bits: int = 4, start: Start = "linear", exclude: tuple[str, ...] = (), seed: int) -> None:
    """Let the weights of a layer share 2**bits values, found by k-means (Deep Compression, Han et al. 2016).

    arXiv:1510.00149, section 3. What is stored is a code for each weight; training afterwards moves the shared values.
    Pruned weights stay zero: under a mask, or where zeros are at least every ``bits``-th weight.

    bits: bits of a code.
    start: where k-means begins: evenly between the extremes, evenly in the distribution, or at random weights.
    exclude: names of layers that stay as they are; first and last are names of those.
    """
    if not 1 <= bits <= 8:
        raise Error(f"cluster: bits is 1 to 8, got {bits}")
    for number, w in enumerate(weights_of(graph, "cluster", exclude)):
        if w.partly is not None:
            raise Error(f"{w.layer.describe()}: powers_of_two has fixed some of its weights; fix all or none")
        alive = w.alive & (w.const.data != 0) if _is_pruned(w, bits) else w.alive
        values = w.const.data[alive]
        if not values.size:
            notes.refused("cluster", w.layer, "all its weights are zero")
            continue
        centroids, found = kmeans(values, 2**bits, start, seed + number)
        members = np.full(w.const.data.shape, -1)
        members[alive] = found
        made = encoded(members, centroids.astype(np.float32), w.const, trainable=w.const.trainable)
        graph.replace(w.mask or w.const, made)
        note_bytes(made, w.const)
        notes.done("cluster", w.layer)


def _is_pruned(w: Weights, bits: int) -> bool:
    return w.mask is not None or (w.const.data == 0).mean() >= 1 / bits
