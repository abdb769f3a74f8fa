from __future__ import annotations

from collections.abc import Iterable

import torch

from lissom.ir.channels.atoms import Layout
from lissom.ir.channels.flow import Flow
from lissom.ir.dims import symbol
from lissom.ir.errors import Unsupported
from lissom.ir.op import Op
from lissom.ir.samples import literal, value
from lissom.ir.types import DType, TensorType
from lissom.ir.values import Const, Value


class Dropout(Op):
    """y = data, mask = all true: inference, where nothing is dropped.

    ``ratio`` (0.5 by default), ``seed`` and a ``training_mode`` that is true matter to training only; to evaluate such
    an op raises Unsupported. The mask is a result where ``results_used`` is 2.
    """

    data: Value
    ratio: Value | None = None
    training_mode: Value | None = None
    seed: int | None = None
    results_used: int = 1

    def infer(self) -> TensorType | tuple[TensorType, ...]:
        self.require(self.data.type.dtype.is_float, "float data", self.data.type)
        return (self.data.type, TensorType(DType.bool, self.data.type.shape))[: self.results_used]

    def run(
        self, data: torch.Tensor, ratio: torch.Tensor | None, training_mode: torch.Tensor | None
    ) -> tuple[torch.Tensor, ...]:
        if self._holds(self.training_mode, training_mode) and (ratio is None or self._holds(self.ratio, ratio)):
            raise Unsupported(f"{self.describe()} cannot be evaluated in training mode: which elements drop is random")
        return (data, torch.ones_like(data, dtype=torch.bool))[: self.results_used]

    @staticmethod
    def _holds(operand: Value | None, tensor: torch.Tensor | None) -> bool:
        """Whether an operand is there and not 0. Tracing may not read a tensor, so a constant is asked itself."""
        return bool(operand.data.any()) if isinstance(operand, Const) else tensor is not None and bool(tensor.any())

    def channels(self, flow: Flow) -> Layout:
        return flow.of(self.data)

    @staticmethod
    def samples() -> Iterable[Op]:
        x = value("data", symbol("N"), 3, 4)
        ratio = literal("ratio", 0.3, DType.float32)
        yield Dropout(x)
        yield Dropout(x, ratio, results_used=2)
        yield Dropout(x, ratio, literal("training_mode", False, DType.bool), seed=7)
        yield Dropout(
            x, literal("ratio", 0.0, DType.float32), literal("training_mode", True, DType.bool), results_used=2
        )
        yield Dropout(value("data", 3, 4, dtype=DType.float16))
