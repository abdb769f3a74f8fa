"""Least-squares recovery: what is left of a layer's inputs learns to do what all of them did, without labels.

For every convolution and matrix product behind a removal, weights and bias are solved for that best reproduce the
output of the original network from the input it has now: He et al. 2017 (arXiv:1707.06168, eq. 3), Luo et al. 2017
(arXiv:1707.06342, eq. 7).
"""

from __future__ import annotations

from collections.abc import Mapping

from lissom.ir.graph import Graph
from lissom.ir.op import Op
from lissom.ir.values import Value
from lissom.passes.data import Data
from lissom.passes.least_squares.solve import behind, goal_of, solvable, solve_layers
from lissom.passes.least_squares.walk import feeds_of

RIDGE = 1e-3
"""How much the old weights count: relative to the mean square of the inputs."""


def recover_weights(
    original: Graph,
    decided: Graph,
    stands: Mapping[Value, Value],
    data: Data,
    *,
    samples: int,
    ridge: float = RIDGE,
    seed: int = 0,
) -> None:
    """Solve the linear ops of ``decided`` behind a removal, in place, so that they do what those of ``original`` did.

    ``stands`` maps values of ``original`` to those that stand for them in ``decided``, where there is one.
    """
    was = {new: old for old, new in stands.items()}
    changed = {op for op in decided.ops if not _same(op, stands, was)}
    ops = solvable([op for op in behind(decided, changed) if op in was], "recover")
    goals = {op: goal_of(op, decided, was) for op in ops}
    solve_layers(original, decided, goals, feeds_of(data, samples), ridge=ridge, seed=seed, by="recover")


def _same(op: Op, stands: Mapping[Value, Value], was: Mapping[Value, Value]) -> bool:
    """Whether ``op`` stands for one of the original and reads what stands for its operands."""
    old = was.get(op)
    return isinstance(old, Op) and [stands.get(v) for v in old.operands] == list(op.operands)
