"""Base of the ops that fold any number of operands into one, element by element."""

from __future__ import annotations

from collections.abc import Iterable

from lissom.ir.channels.atoms import Layout
from lissom.ir.channels.flow import Flow
from lissom.ir.dims import symbol
from lissom.ir.families.broadcasting import broadcast_shapes
from lissom.ir.op import Op
from lissom.ir.samples import value, weight
from lissom.ir.types import DType, TensorType
from lissom.ir.values import Value


class Variadic(Op, abstract=True):
    """y = f(inputs[0], inputs[1], ...), element by element with numpy-style broadcasting; all of one dtype."""

    inputs: tuple[Value, ...]

    def infer(self) -> TensorType:
        types = [v.type for v in self.inputs]
        self.require(len({t.dtype for t in types}) == 1, "one or more operands of one dtype", types)
        return TensorType(types[0].dtype, broadcast_shapes(self, *self.inputs))

    def channels(self, flow: Flow) -> Layout:
        return flow.unify(self, *self.inputs)

    @classmethod
    def samples(cls) -> Iterable[Op]:
        x = value("x", 2, 3, 4)
        yield cls((x,))
        yield cls((x, weight("w", 3, 1)))
        yield cls((x, x, value("z", 4)))
        yield cls((value("x", symbol("N"), 5), value("y", 1, 5), value("z", 5), value("w")))
        yield cls((value("x", 6, dtype=DType.float16), value("y", 6, dtype=DType.float16)))
