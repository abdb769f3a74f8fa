"""Matrix products."""

from __future__ import annotations

from collections.abc import Sequence

from lissom.ir.importers.torch.operands import Number, cast, ints, like, promote
from lissom.ir.importers.torch.registry import translates
from lissom.ir.ops.add import Add
from lissom.ir.ops.einsum import Einsum
from lissom.ir.ops.gemm import Gemm
from lissom.ir.ops.mat_mul import MatMul
from lissom.ir.ops.mul import Mul
from lissom.ir.ops.reduce_sum import ReduceSum
from lissom.ir.ops.transpose import Transpose
from lissom.ir.ops.unsqueeze import Unsqueeze
from lissom.ir.values import Value


@translates("linear")
def linear(x: Value, weight: Value, bias: Value | None = None) -> Value:
    if x.type.rank == weight.type.rank == 2:
        return Gemm(x, weight, bias, transB=True)
    y = MatMul(x, Transpose(weight, (1, 0)) if weight.type.rank == 2 else weight)
    return y if bias is None else Add(y, bias)


@translates("matmul", "mm", "bmm", "mv")
def matmul(a: Value, b: Value) -> Value:
    return MatMul(a, b)


@translates("addmm")
def addmm(c: Value, a: Value, b: Value, *, beta: Number = 1, alpha: Number = 1) -> Value:
    return Gemm(a, b, c, alpha=float(alpha), beta=float(beta))


@translates("baddbmm", "addbmm", "addmv")
def baddbmm(c: Value, a: Value, b: Value, *, beta: Number = 1, alpha: Number = 1) -> Value:
    product: Value = MatMul(a, b)
    if alpha != 1:
        product = Mul(product, like(product, alpha))
    if beta == 0:
        return product
    return Add(c if beta == 1 else Mul(c, like(c, beta)), product)


@translates("einsum")
def einsum(equation: str, tensors: Sequence[Value], *, path: object = None) -> Value:
    return Einsum(tuple(tensors), equation=equation.replace(" ", ""))


@translates("bilinear")
def bilinear(a: Value, b: Value, weight: Value, bias: Value | None = None) -> Value:
    y = Einsum((a, weight, b), equation="...i,oij,...j->...o")
    return y if bias is None else Add(y, bias)


@translates("dot", "vdot", "inner")
def dot(a: Value, b: Value) -> Value:
    return MatMul(a, b)


@translates("outer", "ger")
def outer(a: Value, b: Value) -> Value:
    return Mul(Unsqueeze(a, ints(1)), Unsqueeze(b, ints(0)))


@translates("linalg_vecdot")
def vecdot(a: Value, b: Value, *, dim: int = -1) -> Value:
    product = Mul(*promote(a, b))
    return ReduceSum(product, ints(dim % product.type.rank), keepdims=False)


@translates("_weight_norm", "_weight_norm_interface")
def weight_norm(v: Value, g: Value, dim: int = 0) -> Value:
    """``torch.nn.utils.parametrizations.weight_norm``: direction times length."""
    from lissom.ir.ops.div import Div
    from lissom.ir.ops.reduce_l2 import ReduceL2

    rest = tuple(i for i in range(v.type.rank) if i != dim % v.type.rank)
    return Mul(v, Div(cast(g, v.type.dtype), ReduceL2(v, ints(*rest))))
