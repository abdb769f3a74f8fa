from __future__ import annotations

from collections.abc import Iterable, Mapping
from math import prod
from typing import Any

import torch
import torch.nn.functional as F

from lissom.ir.channels.atoms import Factor, Layout, Unaligned
from lissom.ir.channels.flow import Flow, Term
from lissom.ir.channels.grouping import fewer_groups, grouped
from lissom.ir.channels.kept import Kept
from lissom.ir.dims import symbol
from lissom.ir.families import windows
from lissom.ir.op import Op
from lissom.ir.samples import value, weight
from lissom.ir.types import TensorType
from lissom.ir.values import Value


class Conv(Op):
    """y[n,o,p] = b[o] + sum over i, k of w[o,i,k] * x[n,i,p*stride+k*dilation-pad], over 1 to 3 spatial axes.

    Shapes: x (N, C, *), w (O, C/group, *), b (O); a cross-correlation, as in ONNX and PyTorch.
    """

    x: Value
    w: Value
    b: Value | None = None
    strides: tuple[int, ...] = ()
    pads: tuple[int, ...] = ()
    dilations: tuple[int, ...] = ()
    group: int = 1
    auto_pad: str = "NOTSET"

    @property
    def kernel_shape(self) -> tuple[int, ...]:
        """Spatial sizes of the kernel."""
        sizes = self.w.type.dims[2:]
        self.require(all(isinstance(k, int) for k in sizes), "a kernel of known size", self.w.type)
        return tuple(k for k in sizes if isinstance(k, int))

    def complete(self) -> dict[str, Any]:
        x, w = self.x.type, self.w.type
        self.require(x.rank == w.rank, "x and w of equal rank", (x, w))
        rank = windows.torch_rank(x.rank - 2)
        strides = windows.per_axis(self.strides, rank, 1)
        dilations = windows.per_axis(self.dilations, rank, 1)
        auto_pad, pads = windows.explicit_pads(
            self.auto_pad, self.pads, x.dims[2:], self.kernel_shape, strides, dilations
        )
        return {"strides": strides, "dilations": dilations, "auto_pad": auto_pad, "pads": pads}

    def infer(self) -> TensorType:
        n, c, *sizes = self.x.type.dims
        o, i, *_ = self.w.type.dims
        self.require(c == i * self.group or not isinstance(c, int), f"{i * self.group} input channels", c)
        self.require(not isinstance(o, int) or o % self.group == 0, f"output channels in {self.group} groups", o)
        if self.b is not None:
            self.require(self.b.type.shape == (o,), f"a bias of shape ({o},)", self.b.type)
        spatial = windows.output_sizes(self.auto_pad, self.pads, sizes, self.kernel_shape, self.strides, self.dilations)
        self.require(all(not isinstance(d, int) or d > 0 for d in spatial), "a kernel that fits into x", self.x.type)
        return TensorType(self.x.type.dtype, (n, o, *spatial))

    def run(self, x: torch.Tensor, w: torch.Tensor, b: torch.Tensor | None = None) -> torch.Tensor:
        rank = x.ndim - 2
        _, pads = windows.explicit_pads(
            self.auto_pad, self.pads, x.shape[2:], w.shape[2:], self.strides, self.dilations
        )
        begins, ends = pads[:rank], pads[rank:]
        if begins != ends:
            x = F.pad(x, windows.torch_padding(begins, ends))
            begins = (0,) * rank
        convolve = (F.conv1d, F.conv2d, F.conv3d)[rank - 1]
        return convolve(x, w, b, self.strides, begins, self.dilations, self.group)

    def macs(self) -> int:
        _, per_output, *_ = self.w.type.dims
        assert isinstance(per_output, int)
        return self.type.size() * per_output * prod(self.kernel_shape)

    def channels(self, flow: Flow) -> Layout | tuple[Layout, ...]:
        x = flow.keep_spatial(self, self.x)
        flow.keep_spatial(self, self.w)
        spatial = [(Factor(d),) for d in self.type.dims[2:]]
        batch = x.axes[0]
        if self.group > 1:
            try:
                out = grouped(flow, self, self.x, self.w, self.b, self.group)
            except Unaligned:
                return flow.opaque(self, "its groups cut across the factors of its channels")
            return Layout((batch, out, *spatial))
        k = range(2, self.w.type.rank)
        terms: list[Term] = [(self.x, ["n", "i", *(("x", d) for d in k)]), (self.w, ["o", "i", *(("w", d) for d in k)])]
        if self.b is not None:
            terms.append((self.b, ["o"]))
        return Layout((*flow.einsum(self, terms, "no").axes, *spatial))

    def resized(self, operands: Mapping[Value, Value], kept: Kept) -> Op:
        if self.group == 1:
            return self._on(operands)
        group, w = fewer_groups(kept, self.x, self.w, operands[self.w], self.group)
        return self._on({**operands, self.w: w}, group=group)

    @staticmethod
    def samples() -> Iterable[Op]:
        x = value("x", 2, 4, 9, 8)
        yield Conv(x, weight("w", 6, 4, 3, 3), weight("b", 6), pads=(1, 1, 1, 1))
        yield Conv(x, weight("w", 6, 4, 3, 2), strides=(2, 1), pads=(0, 1, 2, 0))
        yield Conv(x, weight("w", 4, 1, 3, 3), weight("b", 4), group=4, dilations=(2, 1))
        yield Conv(x, weight("w", 6, 2, 1, 1), weight("b", 6), group=2)
        yield Conv(x, weight("w", 6, 4, 4, 3), strides=(2, 3), auto_pad="SAME_LOWER")
        yield Conv(value("x", symbol("N"), 3, symbol("L")), weight("w", 5, 3, 4), strides=(2,), pads=(2, 1))
        yield Conv(value("x", 1, 2, 5, 4, 6), weight("w", 3, 2, 2, 3, 3), weight("b", 3), pads=(0, 1, 1, 1, 0, 1))
