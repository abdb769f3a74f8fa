"""Ops that are layers of torch.nn: batch normalization with its statistics, and dropout."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import torch

from lissom.ir.importers.torch.modules import BATCH_NORM_FIELDS, template
from lissom.ir.op import Op
from lissom.ir.ops.batch_normalization import BatchNormalization
from lissom.ir.ops.dropout import Dropout
from lissom.ir.tensors import to_tensor
from lissom.ir.types import DType
from lissom.ir.values import Const, Value


@dataclass
class Layer:
    """A layer of torch.nn that stands for an op: where it goes, its input, and the constants it holds itself."""

    op: Op
    module: torch.nn.Module
    x: Value
    path: str = ""
    consts: tuple[Const, ...] = ()


def layer_for(op: Op) -> Layer | None:
    """The layer, or None where torch.nn has none that fits."""
    if (
        isinstance(op, Dropout)
        and len(op.results) == 1
        and isinstance(op.ratio, Const | None)
        and op.training_mode is None
    ):
        p = 0.5 if op.ratio is None else float(op.ratio.data)
        return _mark(Layer(op, torch.nn.Dropout(p), op.data, "", () if op.ratio is None else (op.ratio,)))
    return _batch_norm(op) if isinstance(op, BatchNormalization) else None


def _mark(layer: Layer) -> Layer:
    layer.module.op = template(layer.op)  # type: ignore[assignment]  # for reading the module back
    return layer


def _batch_norm(op: BatchNormalization) -> Layer | None:
    """A BatchNorm whose parameters and statistics are called as those of one module, and are used by it alone."""
    rank = op.x.type.shape and op.x.type.rank
    if op.training_mode or rank not in (2, 3, 4, 5):
        return None
    held = {field: getattr(op, field) for field in BATCH_NORM_FIELDS}
    consts = [c for c in held.values() if isinstance(c, Const) and c.users == (op,) and c.type.dtype is DType.float32]
    path, _, last = op.input_mean.name.rpartition(".")
    if len(consts) != 4 or len(set(consts)) != 4 or not path or last != "running_mean":
        return None
    affine = op.scale.name == f"{path}.weight" and op.b.name == f"{path}.bias"
    plain = _is_filled(op.scale, 1) and _is_filled(op.b, 0)
    if op.input_var.name != f"{path}.running_var" or not (affine or plain):
        return None
    kind = {2: torch.nn.BatchNorm1d, 3: torch.nn.BatchNorm1d, 4: torch.nn.BatchNorm2d, 5: torch.nn.BatchNorm3d}[rank]
    module = kind(consts[0].data.size, op.epsilon, round(1 - op.momentum, 12), affine)
    with torch.no_grad():
        for field, name in BATCH_NORM_FIELDS.items():
            target = getattr(module, name)
            if target is not None:
                target.copy_(to_tensor(held[field].data, DType.float32))
    return _mark(Layer(op, module, op.x, path, tuple(consts)))


def _is_filled(value: Value, number: float) -> bool:
    return isinstance(value, Const) and not value.trainable and bool(np.all(value.data == number))
