"""What a program is estimated to take, by the costs in the table of kernels."""

from __future__ import annotations

from lissom.backends.c.program import Call, Layer, Program

PER_BYTE = 0.3
PER_MAC = 0.7
"""Cycles of kernels that have no cost in the table, which are mostly portable ones: for each byte that is read or
written, and for each multiply-accumulate of the op."""


def call_cycles(call: Call) -> float:
    """Cycles of one call, without the multiply-accumulates of a kernel that has no cost of its own."""
    bytes_touched = sum(a.resolve().buffer.nbytes for a in call.arguments if a is not None)
    return call.kernel.cost(call.params) or PER_BYTE * bytes_touched


def layer_cycles(layer: Layer) -> float:
    """Cycles of a layer."""
    known = any(c.kernel.cost(c.params) for c in layer.calls)
    macs = 0 if known or not layer.calls else layer.op.cost().macs
    return sum(map(call_cycles, layer.calls)) + PER_MAC * macs


def cycles(program: Program) -> float:
    """Cycles of a run."""
    return sum(map(layer_cycles, program.layers))
