"""What a criterion may look at: the graph, its solution, and calibration data run through it."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import cached_property
from typing import TypeAlias

import numpy as np
import numpy.typing as npt
import torch

from lissom.ir.errors import Error
from lissom.ir.graph import Graph
from lissom.ir.interpreter import run_op
from lissom.ir.op import Op
from lissom.ir.tensors import to_tensor
from lissom.ir.types import Array
from lissom.ir.values import Const, Value
from lissom.passes.data import Batch, Data
from lissom.passes.prune.solve import Solution

Scores: TypeAlias = npt.NDArray[np.float64]
UnitMap: TypeAlias = npt.NDArray[np.int64]
"""The unit at each position of a value; size 1 along axes on which it does not depend."""


@dataclass(eq=False)
class Evidence:
    """A graph, its solution, and ``samples`` of the data where there are some."""

    graph: Graph
    solution: Solution
    data: Data | None = None
    samples: int = 256
    seed: int = 0

    def batches(self, size: int) -> list[Batch]:
        """The first samples in batches; raises Error where there is no data."""
        if self.data is None:
            raise Error(
                "a criterion that looks at activations needs data (--data on the command line, data= in Python)"
            )
        found: list[Batch] = []
        for batch in self.data.batches(min(size, self.samples)):
            found.append(batch)
            if sum(b.count for b in found) >= self.samples:
                break
        return found

    @cached_property
    def read(self) -> dict[Op, Value]:
        """For each op that sums over channels the computed operand that has them, which a mask would go on."""
        found: dict[Op, Value] = {}
        for r in self.solution.flow.reads:
            x = next((v for v in r.operands if not isinstance(v, Const)), None)
            if x is not None and self._counted(x):
                found[r.op] = x
        return found

    def _counted(self, x: Value) -> bool:
        """Whether ``x`` has channels, and none along an axis of unknown size."""
        layout = self.solution.flow.layouts[x]
        sized = all(layout.is_fixed(i) or isinstance(layout.size(i), int) for i in range(layout.rank))
        return bool(layout.channels) and sized

    def unit_maps(self, value: Value) -> list[UnitMap]:
        """The units of a value: one map for each of its independent arrays of channels, all of one shape."""
        layout = self.solution.flow.layouts[value]
        moving = [not layout.is_fixed(i) for i in range(layout.rank)]
        flat = [f for axis, moves in zip(layout.axes, moving, strict=True) if moves for f in axis]
        full = [f.size for f in flat if isinstance(f.size, int)]
        sizes = [layout.size(i) if moves else 1 for i, moves in enumerate(moving)]
        maps = []
        for c in layout.channels:
            places = {f.dim: i for i, f in enumerate(flat) if f.channels is c}
            shape = [1] * len(flat)
            for d, i in places.items():
                shape[i] = c.atoms.shape[d]
            order = sorted(places, key=lambda d: places[d])
            units = self.solution.unit[c.atoms].transpose(order).reshape(shape)
            maps.append(np.broadcast_to(units, full).reshape([n for n in sizes if isinstance(n, int)]))
        return maps

    def run(
        self,
        feed: Mapping[str, Array],
        at_read: Callable[[Op, Value, torch.Tensor], torch.Tensor | None],
        observe: Callable[[Op, torch.Tensor], None] | None = None,
    ) -> list[torch.Tensor]:
        """Run the graph; ``at_read`` sees what each op in :attr:`read` reads, and may give something else to
        read; ``observe`` sees the first result of every op.
        """
        env: dict[Value, torch.Tensor] = {i: to_tensor(feed[i.name], i.type.dtype) for i in self.graph.inputs}
        last = {v: op for op in self.graph.ops for v in op.operands}
        for op in self.graph.ops:
            for v in op.operands:
                if isinstance(v, Const) and v not in env:
                    env[v] = to_tensor(v.data, v.type.dtype)
            seen: Mapping[Value, torch.Tensor] = env
            if op in self.read:
                x = self.read[op]
                other = at_read(op, x, env[x])
                seen = env if other is None else {**env, x: other}
            for r, t in zip(op.results, run_op(op, seen), strict=True):
                env[r] = t
            if observe is not None:
                observe(op, env[op])
            for v in set(op.operands):
                if last[v] is op and not self.graph.is_output(v):
                    env.pop(v, None)
        return [to_tensor(v.data, v.type.dtype) if isinstance(v, Const) else env[v] for v in self.graph.outputs]
