from __future__ import annotations

from typing import Any, NoReturn

from lissom.ir.errors import Unsupported
from lissom.ir.op import Op
from lissom.ir.types import TensorType
from lissom.ir.values import Value


class Opaque(Op):
    """An op lissom has no meaning for: legal, carried through unchanged, frozen for compression.

    ``attrs`` holds (name, value) pairs; a value is a number, a string, a tuple of them, or, for anything else
    (sub-graphs, tensors, types), the bytes of a serialized ONNX AttributeProto. ``captures`` are the values that
    sub-graphs inside ``attrs`` read from the graph around them, in order of first use. ``why`` says what of it has no
    meaning, where it is not the kind as such.
    """

    frozen = "lissom has no meaning for this op"

    kind: str
    of_domain: str
    inputs: tuple[Value | None, ...]
    captures: tuple[Value, ...] = ()
    attrs: tuple[tuple[str, Any], ...] = ()
    result_types: tuple[TensorType, ...] = ()
    why: str = ""

    @property
    def op_type(self) -> str:
        return f"{self.of_domain}.{self.kind}" if self.of_domain else self.kind

    def infer(self) -> TensorType | tuple[TensorType, ...]:
        return self.result_types

    def run(self, inputs: Any, captures: Any) -> NoReturn:
        raise Unsupported(f"{self.describe()} cannot be evaluated: {self.why or self.frozen}")
