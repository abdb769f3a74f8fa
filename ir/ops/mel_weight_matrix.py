from __future__ import annotations

from collections.abc import Iterable

import numpy as np
import torch

from lissom.ir.contents import elements
from lissom.ir.op import Op
from lissom.ir.samples import literal
from lissom.ir.types import Array, DType, TensorType
from lissom.ir.unknown import unknown_size
from lissom.ir.values import Value


class MelWeightMatrix(Op):
    """Triangles of peak 1 that turn a spectrum of dft_length // 2 + 1 bins into ``num_mel_bins`` bands.

    mel(f) = 2595 log10(1 + f / 700), between the two edges in hertz. Result (dft_length // 2 + 1, num_mel_bins).
    """

    num_mel_bins: Value
    dft_length: Value
    sample_rate: Value
    lower_edge_hertz: Value
    upper_edge_hertz: Value
    output_datatype: DType = DType.float32

    def infer(self) -> TensorType:
        bands, length = elements(self.num_mel_bins), elements(self.dft_length)
        rows = unknown_size(self, 0) if length is None else length[0] // 2 + 1
        return TensorType(self.output_datatype, (rows, unknown_size(self, 1) if bands is None else bands[0]))

    def run(self, *operands: torch.Tensor) -> torch.Tensor:
        bands, length, rate, low, high = (o.reshape(-1)[0].item() for o in operands)
        mels = 2595 * np.log10(1 + np.array([low, high]) / 700)
        # ONNX divides by bands + 2, not bands + 1: the last triangle ends below the upper edge.
        steps = mels[0] + np.arange(bands + 2) * (mels[1] - mels[0]) / (bands + 2)
        hertz = 700 * (10 ** (steps / 2595) - 1)
        points: Array = ((length + 1) * hertz // rate).astype(np.int64)
        weights = np.zeros((int(length) // 2 + 1, int(bands)))
        rows = np.arange(len(weights))
        for i, (left, centre, right) in enumerate(zip(points, points[1:], points[2:], strict=False)):
            rising, falling = (left <= rows) & (rows <= centre), (centre <= rows) & (rows < right)
            weights[rising, i] = (rows[rising] - left) / (centre - left) if centre > left else 1.0
            weights[falling, i] = (right - rows[falling]) / max(right - centre, 1)
        return torch.from_numpy(weights).to(self.output_datatype.torch)

    @staticmethod
    def samples() -> Iterable[Op]:
        edges = (literal("low", 0.0, DType.float32), literal("high", 4096.0, DType.float32))
        yield MelWeightMatrix(literal("bins", 8), literal("length", 16), literal("rate", 8192), *edges)
        yield MelWeightMatrix(literal("bins", 4), literal("length", 33), literal("rate", 16000), *edges)
        yield MelWeightMatrix(literal("bins", 8), literal("length", 64), literal("rate", 9000), *edges, DType.float64)
