from __future__ import annotations

from collections.abc import Iterable

import torch

from lissom.ir.contents import elements
from lissom.ir.dims import Dim, symbol
from lissom.ir.families.spectra import as_complex, as_real
from lissom.ir.op import Op
from lissom.ir.samples import literal, value, weight
from lissom.ir.types import TensorType
from lissom.ir.unknown import unknown_size
from lissom.ir.values import Value


class STFT(Op):
    """The Fourier transform of each frame: ``frame_length`` elements of the signal, every ``frame_step``, times window.

    Shapes: signal (N, T, 1 or 2), window (frame_length), result (N, frames, bins, 2); only the frame_length // 2 + 1
    independent bins when ``onesided``. Frames lie wholly inside the signal.
    """

    signal: Value
    frame_step: Value
    window: Value | None = None
    frame_length: Value | None = None
    onesided: bool = True

    def infer(self) -> TensorType:
        x = self.signal.type
        self.require(x.rank == 3, "a signal of rank 3", x)
        step, asked = elements(self.frame_step), elements(self.frame_length)
        length: Dim | None
        if asked is not None:
            length = asked[0]
        elif self.window is not None:
            length = self.window.type.dims[0]
        else:
            length = x.dims[1] if self.frame_length is None else None
        if length is None:
            return TensorType(x.dtype, (x.dims[0], unknown_size(self, 1), unknown_size(self, 2), 2))
        frames = unknown_size(self, 1) if step is None else (x.dims[1] - length) // step[0] + 1
        return TensorType(x.dtype, (x.dims[0], frames, length // 2 + 1 if self.onesided else length, 2))

    def run(
        self,
        signal: torch.Tensor,
        frame_step: torch.Tensor,
        window: torch.Tensor | None = None,
        frame_length: torch.Tensor | None = None,
    ) -> torch.Tensor:
        if frame_length is not None:
            length = int(frame_length.reshape(-1)[0])
        else:
            length = signal.shape[1] if window is None else len(window)
        frames = as_complex(signal).unfold(1, length, int(frame_step.reshape(-1)[0]))
        y = torch.fft.fft(frames if window is None else frames * window.to(frames.real.dtype))
        return as_real(y[..., : length // 2 + 1] if self.onesided else y).to(signal.dtype)

    @staticmethod
    def samples() -> Iterable[Op]:
        step = literal("step", 4)
        yield STFT(value("x", 2, 20, 1), step, weight("window", 8))
        yield STFT(value("x", symbol("N"), symbol("T") + 10, 1), step, None, literal("length", 5))
        yield STFT(value("x", 1, 16, 2), literal("step", 3), weight("window", 7), literal("length", 7), onesided=False)
