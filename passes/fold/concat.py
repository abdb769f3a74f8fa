"""What cuts off the results of several layers, side by side, belongs behind each layer, which then ends with it."""

from __future__ import annotations

from lissom.ir.ops.clip import Clip
from lissom.ir.ops.concat import Concat
from lissom.ir.ops.conv import Conv
from lissom.ir.ops.conv_transpose import ConvTranspose
from lissom.ir.ops.gemm import Gemm
from lissom.ir.ops.relu import Relu
from lissom.ir.values import Value, producer
from lissom.passes.rule import Refused, Rule, read_once, rule


@rule
def cut_before_concat(op: Relu | Clip) -> Value | None:
    """relu(concat(conv, conv))  =>  concat(relu(conv), relu(conv)), and so with Clip: layers clamp for nothing."""
    match op.x:
        case Concat(parts) as concat if any(isinstance(producer(p), Conv | ConvTranspose | Gemm) for p in parts):
            if not read_once(concat):
                raise Refused("others read what is joined, as it is before this")
            if not all(isinstance(producer(p), Conv | ConvTranspose | Gemm) and read_once(p) for p in parts):
                raise Refused("not all that is joined comes from a layer, for this alone")
            return concat.replace(xs=tuple(op.replace(x=p) for p in parts))
    return None


RULES: tuple[Rule, ...] = (cut_before_concat,)
