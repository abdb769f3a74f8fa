"""How long an op takes on this machine, on one thread: what a latency budget counts."""

from __future__ import annotations

import time
from functools import lru_cache

import torch

from lissom.ir.dims import SymDim, bind, symbols
from lissom.ir.interpreter import run_op
from lissom.ir.op import Op
from lissom.ir.tensors import to_tensor
from lissom.ir.types import TensorType
from lissom.ir.values import Const, Value

REPEATS = 5
FREE_SIZE = 1  # what a symbolic size counts as, as in MACs


def milliseconds(op: Op) -> float:
    """The least time of a few runs on zeros of the op's operand types; ops of the same form are measured once."""
    attributes = tuple(sorted(op.attributes.items()))
    types = tuple(None if v is None else _static(v.type) for v in op.operands)
    return _measured(_Form(op, (type(op), attributes, types)))


class _Form:
    """An op as the key of what was measured."""

    def __init__(self, op: Op, key: tuple[object, ...]) -> None:
        self.op, self.key = op, key

    def __eq__(self, other: object) -> bool:
        return isinstance(other, _Form) and self.key == other.key

    def __hash__(self) -> int:
        return hash(self.key)


@lru_cache(maxsize=4096)
def _measured(form: _Form) -> float:
    op = form.op
    env: dict[Value, torch.Tensor] = {}
    for v in op.operands:
        if isinstance(v, Const):
            env[v] = to_tensor(v.data, v.type.dtype).clone()
        else:
            env[v] = torch.zeros(_static(v.type), dtype=v.type.dtype.torch)
    threads, best = torch.get_num_threads(), float("inf")
    torch.set_num_threads(1)
    try:
        with torch.no_grad():
            run_op(op, env)
            for _ in range(REPEATS):
                began = time.perf_counter()
                run_op(op, env)
                best = min(best, time.perf_counter() - began)
    finally:
        torch.set_num_threads(threads)
    return best * 1e3


def _static(type: TensorType) -> tuple[int, ...]:
    sizes = []
    for d in type.dims:
        size = bind(d, dict.fromkeys(symbols(d), FREE_SIZE)) if isinstance(d, SymDim) else d
        assert isinstance(size, int)
        sizes.append(size)
    return tuple(sizes)
