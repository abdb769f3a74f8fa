from __future__ import annotations

from collections.abc import Iterable
from math import prod

import numpy as np
import torch

from lissom.ir.channels.atoms import Layout
from lissom.ir.channels.flow import Flow
from lissom.ir.errors import Unsupported
from lissom.ir.families.packing import pack, packed_bytes, unpack
from lissom.ir.families.quantization import expand
from lissom.ir.op import Op
from lissom.ir.samples import random_array, value, weight
from lissom.ir.tensors import to_tensor
from lissom.ir.types import Array, DType, TensorType
from lissom.ir.values import Const, Value


class Codebook(Op):
    """y = centroids[code] * scale: weights of few values, stored as packed codes of ``bits`` bits (1 to 8) and a table.

    ``codes`` are uint8 bytes that hold a code for each element of ``shape``, in row-major order, the lowest bits first.
    ``scale``, where there is one, has a number for each channel along ``axis``. ``kept``, where there is one, has a bit
    for each element; an element whose bit is clear is zero and has no code. A code beyond the table means zero.
    The gradient of a centroid is the sum over its members (Deep Compression, Han et al. 2016, arXiv:1510.00149,
    section 3.3).
    """

    domain = "lissom"

    codes: Value
    centroids: Value
    shape: tuple[int, ...]
    bits: int
    scale: Value | None = None
    axis: int = 0
    kept: Value | None = None

    def infer(self) -> TensorType:
        self.require(1 <= self.bits <= 8, "codes of 1 to 8 bits", self.bits)
        count = prod(self.shape)
        self.require(self.codes.type.dtype is DType.uint8 and self.codes.type.rank == 1, "bytes", self.codes.type)
        if self.kept is None:
            fits = self.codes.type.shape == (packed_bytes(count, self.bits),)
            self.require(fits, f"{packed_bytes(count, self.bits)} bytes of codes", self.codes.type)
        else:
            fits = self.kept.type == TensorType(DType.uint8, (packed_bytes(count, 1),))
            self.require(fits, f"a bit for each of {count} elements", self.kept.type)
            if isinstance(self.kept, Const):
                least = packed_bytes(int(np.unpackbits(self.kept.data).sum()), self.bits)
                fits = self.codes.type.size() >= least
                self.require(fits, f"{least} bytes of codes, as many as are kept", self.codes.type)
        table = self.centroids.type
        few = table.rank == 1 and isinstance(table.dims[0], int) and 1 <= table.dims[0] <= 2**self.bits
        self.require(table.dtype.is_float and few, f"1 to {2**self.bits} float centroids", table)
        if self.scale is not None:
            fits = self.scale.type == TensorType(table.dtype, (self.shape[self.axis],))
            self.require(fits, f"a scale for each of {self.shape[self.axis]} channels", self.scale.type)
        return TensorType(table.dtype, self.shape)

    def run(
        self,
        codes: torch.Tensor,
        centroids: torch.Tensor,
        scale: torch.Tensor | None = None,
        kept: torch.Tensor | None = None,
    ) -> torch.Tensor:
        table = torch.nn.functional.pad(centroids, (0, 2**self.bits - len(centroids)))
        y = table[self.members(codes, kept)].reshape(self.shape)
        if kept is not None:
            y = torch.where(unpack(kept, 1, y.numel()).reshape(self.shape) == 1, y, torch.zeros((), dtype=y.dtype))
        return y if scale is None else y * expand(scale, self.axis, y)

    def members(self, codes: torch.Tensor, kept: torch.Tensor | None) -> torch.Tensor:
        """The code of each element in row-major order; of one that is not kept, any."""
        count = prod(self.shape)
        if kept is None:
            return unpack(codes, self.bits, count)
        rank = torch.cumsum(unpack(kept, 1, count), 0) - 1
        held = max(1, 8 * len(codes) // self.bits)
        return unpack(codes, self.bits, held)[rank.clamp(0, held - 1)]

    def as_qdq(self) -> Value:
        """A Gather from the table, of codes taken out of their bytes by shifts: 1, 2, 4 or 8 bits each."""
        from lissom.ir.ops.bit_shift import BitShift
        from lissom.ir.ops.cast import Cast
        from lissom.ir.ops.gather import Gather
        from lissom.ir.ops.mod import Mod
        from lissom.ir.ops.mul import Mul
        from lissom.ir.ops.reshape import Reshape
        from lissom.ir.ops.slice import Slice

        if not (isinstance(self.codes, Const) and isinstance(self.centroids, Const)):
            raise Unsupported(f"{self.describe()}: its codes are computed, which ONNX has no words for")
        members, table = self._with_zero(self.codes.data, self.centroids.data)
        width = next(w for w in (1, 2, 4, 8) if len(table) <= 2**w)
        each = 8 // width
        index: Value = Const(pack(members, width).reshape(-1, 1), f"{self.name}.codes")
        if each > 1:
            shifts = Const((np.arange(each) * width).astype(np.uint8))
            index = Mod(BitShift(index, shifts, direction="RIGHT"), Const(np.uint8(2**width)))
        index = Reshape(Cast(index, to=DType.int32), Const(np.array([-1], np.int64)))
        if len(members) % each:
            index = Slice(index, *(Const(np.array([n], np.int64)) for n in (0, len(members))))
        index = Reshape(index, Const(np.array(self.shape, np.int64)))
        centroids = self.centroids if table is self.centroids.data else self.centroids.replace(table)
        y: Op = Gather(centroids, index)
        if self.scale is not None:
            across = [1] * len(self.shape)
            across[self.axis] = -1
            y = Mul(y, Reshape(self.scale, Const(np.array(across, np.int64))))
        return y.named(self.name, self.loc)

    def _with_zero(self, codes: Array, centroids: Array) -> tuple[Array, Array]:
        """A code for every element, and a table of at most 256 centroids in which they all are."""
        kept = None if not isinstance(self.kept, Const) else to_tensor(self.kept.data, DType.uint8)
        members = self.members(to_tensor(codes, DType.uint8), kept).numpy()
        members = np.minimum(members, len(centroids))
        if kept is not None:
            members = np.where(unpack(kept, 1, members.size).numpy() == 1, members, len(centroids))
        if not (members == len(centroids)).any():
            return members, centroids
        used, members = np.unique(members, return_inverse=True)
        if len(used) > 256:
            raise Unsupported(
                f"{self.describe()}: 256 centroids and zero are more values than ONNX codes of 8 bits have"
            )
        return members.reshape(-1), np.append(centroids, np.zeros(1, centroids.dtype))[used]

    def channels(self, flow: Flow) -> Layout | tuple[Layout, ...]:
        return flow.opaque(self, "its elements are encoded; channels go before")

    @staticmethod
    def samples() -> Iterable[Op]:
        for bits, shape in ((1, (3, 5)), (3, (4, 3, 2)), (5, (7,)), (8, (2, 3))):
            drawn = random_array(f"codes{bits}", shape, DType.int64, 0, 2**bits)
            codes = Const(pack(drawn, bits), "codes")
            yield Codebook(codes, weight("centroids", 2**bits), shape, bits)
        bitmap = Const(pack(np.array([1, 0, 0, 1, 1, 0, 1, 1, 0, 1, 0, 0]), 1), "kept")
        codes = Const(pack(np.array([2, 0, 1, 1, 2, 0]), 2), "codes")
        yield Codebook(codes, weight("centroids", 3), (4, 3), 2, weight("scale", 3), 1, bitmap)
        yield Codebook(codes, value("centroids", 4), (3, 2), 2, weight("scale", 3))
