from __future__ import annotations

from collections.abc import Iterable

import torch

from lissom.ir.axes import from_front
from lissom.ir.contents import elements, integers
from lissom.ir.dims import Dim, symbol
from lissom.ir.families.spectra import as_complex, as_real
from lissom.ir.op import Op
from lissom.ir.samples import literal, value
from lissom.ir.types import TensorType
from lissom.ir.unknown import unknown_size
from lissom.ir.values import Value


class DFT(Op):
    """The discrete Fourier transform along one axis, y[k] = sum over n of x[n] * exp(-2 pi i k n / length).

    The last axis holds real and imaginary parts (or real parts only, then it has size 1). The signal is cut or filled
    with zeros to ``dft_length``. ``inverse`` flips the sign and divides by the length. ``onesided`` gives the first
    length // 2 + 1 elements of the transform of a real signal; with ``inverse`` too, the real signal back from them.
    """

    input: Value
    dft_length: Value | None = None
    axis: Value | None = None
    inverse: bool = False
    onesided: bool = False

    def infer(self) -> TensorType:
        x = self.input.type
        self.require(x.dims[-1] in (1, 2), "a last axis of size 1 or 2", x)
        parts = 1 if self.onesided and self.inverse else 2
        given = (-2,) if self.axis is None else integers(self.axis)
        if given is None:  # any axis may change
            return TensorType(x.dtype, (*(unknown_size(self, i) for i in range(x.rank - 1)), parts))
        axis = from_front(self, given[0], x.rank)
        self.require(axis < x.rank - 1, "an axis other than the last", axis)
        return TensorType(x.dtype, (*x.dims[:axis], self._length(axis), *x.dims[axis + 1 : -1], parts))

    def _length(self, axis: int) -> Dim:
        """The size of the transformed axis in the result."""
        asked, held = elements(self.dft_length), self.input.type.dims[axis]
        if asked is None and self.dft_length is not None:
            return unknown_size(self, axis)
        if self.onesided and self.inverse:
            return 2 * (held - 1) if asked is None else asked[0]
        length = held if asked is None else asked[0]
        return length // 2 + 1 if self.onesided else length

    def run(
        self, x: torch.Tensor, dft_length: torch.Tensor | None = None, axis: torch.Tensor | None = None
    ) -> torch.Tensor:
        dim = x.ndim - 2 if axis is None else int(axis.reshape(-1)[0]) % x.ndim
        length = None if dft_length is None else int(dft_length.reshape(-1)[0])
        signal = as_complex(x.double())  # results that cancel to 0 are wanted to 1e-7
        y: torch.Tensor
        if self.onesided and self.inverse:
            y = torch.fft.irfft(signal, length, dim)
            return y[..., None].to(x.dtype)
        y = torch.fft.ifft(signal, length, dim) if self.inverse else torch.fft.fft(signal, length, dim)
        if self.onesided:
            y = y.narrow(dim, 0, y.shape[dim] // 2 + 1)
        return as_real(y).to(x.dtype)

    @staticmethod
    def samples() -> Iterable[Op]:
        yield DFT(value("x", 2, 8, 1))
        yield DFT(value("x", symbol("N"), symbol("T"), 1), onesided=True)
        yield DFT(value("x", 2, 6, 3, 2), literal("length", 5), literal("axis", 1), inverse=True)
        yield DFT(value("x", 2, 4, 3, 1), literal("length", 9), literal("axis", -3), onesided=True)
        yield DFT(value("x", 2, 5, 2), inverse=True, onesided=True)
