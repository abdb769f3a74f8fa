from __future__ import annotations

from collections.abc import Iterable, Mapping
from math import prod
from typing import Any

import torch
import torch.nn.functional as F

from lissom.ir.channels.atoms import Factor, Layout, Unaligned
from lissom.ir.channels.flow import Flow, Term
from lissom.ir.channels.grouping import fewer_groups_transposed, grouped_transposed
from lissom.ir.channels.kept import Kept
from lissom.ir.dims import symbol
from lissom.ir.families import windows
from lissom.ir.op import Op
from lissom.ir.samples import value, weight
from lissom.ir.types import TensorType
from lissom.ir.values import Value


class ConvTranspose(Op):
    """y[n,o,p*stride+k*dilation-pad] += w[i,o,k] * x[n,i,p], plus b[o]: the adjoint of Conv, over 1 to 3 spatial axes.

    Shapes: x (N, C, *), w (C, O/group, *), b (O). ``output_padding`` makes the output larger at its end.
    ``output_shape`` asks for spatial sizes; the pads follow from it.
    """

    x: Value
    w: Value
    b: Value | None = None
    strides: tuple[int, ...] = ()
    pads: tuple[int, ...] = ()
    dilations: tuple[int, ...] = ()
    group: int = 1
    auto_pad: str = "NOTSET"
    output_padding: tuple[int, ...] = ()
    output_shape: tuple[int, ...] = ()

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
        more = windows.per_axis(self.output_padding, rank, 0)
        found = {"strides": strides, "dilations": dilations, "output_padding": more}
        wanted = self.output_shape[-rank:]
        pads = windows.transposed_pads(
            self.auto_pad, self.pads, x.dims[2:], self.kernel_shape, strides, dilations, more, wanted
        )
        if pads is None:
            return {**found, "output_shape": wanted}
        return {**found, "pads": pads, "auto_pad": "NOTSET", "output_shape": ()}

    def infer(self) -> TensorType:
        n, c, *sizes = self.x.type.dims
        i, o, *_ = self.w.type.dims
        self.require(c == i or not isinstance(c, int), f"{i} input channels", c)
        self.require(not isinstance(i, int) or i % self.group == 0, f"input channels in {self.group} groups", i)
        if self.b is not None:
            self.require(self.b.type.shape == (o * self.group,), f"a bias of shape ({o * self.group},)", self.b.type)
        spatial: tuple[Any, ...] = self.output_shape or windows.transposed_sizes(
            self.pads, sizes, self.kernel_shape, self.strides, self.dilations, self.output_padding
        )
        self.require(all(not isinstance(d, int) or d > 0 for d in spatial), "pads that leave some output", self.pads)
        return TensorType(self.x.type.dtype, (n, o * self.group, *spatial))

    def run(self, x: torch.Tensor, w: torch.Tensor, b: torch.Tensor | None = None) -> torch.Tensor:
        rank = x.ndim - 2
        pads = windows.transposed_pads(
            self.auto_pad,
            self.pads,
            x.shape[2:],
            w.shape[2:],
            self.strides,
            self.dilations,
            self.output_padding,
            self.output_shape,
        )
        assert pads is not None  # the sizes are numbers here
        begins, ends = pads[:rank], pads[rank:]
        more = tuple(b - e + m for b, e, m in zip(begins, ends, self.output_padding, strict=True))
        limits = zip(begins, more, self.strides, self.dilations, strict=True)
        convolve = (F.conv_transpose1d, F.conv_transpose2d, F.conv_transpose3d)[rank - 1]
        if all(b >= 0 and 0 <= m < max(s, d) for b, m, s, d in limits):
            return convolve(x, w, b, self.strides, begins, more, self.group, self.dilations)
        y = convolve(x, w, None, self.strides, 0, 0, self.group, self.dilations)
        ends = tuple(e - m for e, m in zip(ends, self.output_padding, strict=True))
        y = F.pad(y, windows.torch_padding([-p for p in begins], [-p for p in ends]))
        return y if b is None else y + b.reshape(-1, *[1] * rank)

    def macs(self) -> int:
        _, per_input, *_ = self.w.type.dims
        assert isinstance(per_input, int)
        return self.x.type.size() * per_input * prod(self.kernel_shape)

    def channels(self, flow: Flow) -> Layout | tuple[Layout, ...]:
        x = flow.keep_spatial(self, self.x)
        flow.keep_spatial(self, self.w)
        spatial = [(Factor(d),) for d in self.type.dims[2:]]
        if self.group > 1:
            try:
                out = grouped_transposed(flow, self, self.x, self.w, self.b, self.group)
            except Unaligned:
                return flow.opaque(self, "its groups cut across the factors of its channels")
            return Layout((x.axes[0], out, *spatial))
        k = range(2, self.w.type.rank)
        terms: list[Term] = [(self.x, ["n", "i", *(("x", d) for d in k)]), (self.w, ["i", "o", *(("w", d) for d in k)])]
        if self.b is not None:
            terms.append((self.b, ["o"]))
        return Layout((*flow.einsum(self, terms, "no").axes, *spatial))

    def resized(self, operands: Mapping[Value, Value], kept: Kept) -> Op:
        if self.group == 1:
            return self._on(operands)
        group, w = fewer_groups_transposed(kept, self.x, self.w, operands[self.w], self, self.group)
        return self._on({**operands, self.w: w}, group=group)

    @staticmethod
    def samples() -> Iterable[Op]:
        x = value("x", 2, 4, 5, 4)
        yield ConvTranspose(x, weight("w", 4, 6, 3, 3), weight("b", 6), strides=(2, 2), pads=(1, 1, 1, 1))
        yield ConvTranspose(x, weight("w", 4, 3, 2, 2), weight("b", 6), group=2, strides=(2, 2))
        yield ConvTranspose(x, weight("w", 4, 1, 3, 3), group=4, dilations=(2, 1), pads=(0, 1, 2, 0))
        yield ConvTranspose(x, weight("w", 4, 6, 3, 3), strides=(2, 3), auto_pad="SAME_UPPER", output_padding=(1, 2))
        yield ConvTranspose(x, weight("w", 4, 6, 3, 2), weight("b", 6), strides=(3, 2), output_shape=(16, 8))
        yield ConvTranspose(
            value("x", symbol("N"), 3, symbol("L")),
            weight("w", 3, 5, 4),
            strides=(2,),
            pads=(1, 1),
            output_padding=(1,),
        )
        yield ConvTranspose(value("x", 1, 2, 3, 4, 2), weight("w", 2, 3, 2, 3, 3), weight("b", 3), strides=(1, 2, 1))
