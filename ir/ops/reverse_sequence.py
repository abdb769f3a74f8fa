from __future__ import annotations

from collections.abc import Iterable

import torch

from lissom.ir.channels.atoms import Layout
from lissom.ir.channels.flow import Flow
from lissom.ir.op import Op
from lissom.ir.samples import literal, value
from lissom.ir.types import DType, TensorType
from lissom.ir.values import Value


class ReverseSequence(Op):
    """y = x with the first ``sequence_lens[b]`` elements along ``time_axis`` of each batch entry b in reverse order.

    ``batch_axis`` and ``time_axis`` are axes 0 and 1, in either order.
    """

    x: Value
    sequence_lens: Value
    batch_axis: int = 1
    time_axis: int = 0

    def infer(self) -> TensorType:
        axes = (self.batch_axis, self.time_axis)
        self.require(sorted(axes) == [0, 1], "batch_axis and time_axis 0 and 1, or 1 and 0", axes)
        self.require(self.x.type.rank >= 2, "x of rank 2 or more", self.x.type)
        return self.x.type

    def run(self, x: torch.Tensor, sequence_lens: torch.Tensor) -> torch.Tensor:
        x = x.transpose(0, self.batch_axis)
        time = torch.arange(x.shape[1])
        lengths = sequence_lens.unsqueeze(1)
        source = torch.where(time < lengths, lengths - 1 - time, time)
        return x[torch.arange(x.shape[0]).unsqueeze(1), source].transpose(0, self.batch_axis)

    def channels(self, flow: Flow) -> Layout:
        flow.keep(self, self.x, self.batch_axis, "each entry has a length of its own")
        layout = flow.keep(self, self.x, self.time_axis, "it is turned around")
        return layout if flow.of(self.x).is_fixed(self.batch_axis) else flow.of(self.x)

    @staticmethod
    def samples() -> Iterable[Op]:
        yield ReverseSequence(value("x", 4, 3), literal("lens", [4, 1, 2]))
        yield ReverseSequence(value("x", 3, 4, 2), literal("lens", [4, 0, 3]), batch_axis=0, time_axis=1)
        yield ReverseSequence(value("x", 4, 2, dtype=DType.int8), literal("lens", [2, 3]))
