"""Into the graph by either door, with a batch that may vary."""

from __future__ import annotations

import contextlib
import io
import logging
import warnings
from typing import Any

import torch
from torch import nn

from lissom.ir.graph import Graph
from lissom.ir.importers.onnx import load
from lissom.ir.importers.torch import from_torch


def by_torch(module: nn.Module, args: tuple[Any, ...]) -> Graph:
    """As ``torch.export`` sees the module."""
    batch = torch.export.Dim("N", min=1, max=64)
    return from_torch(module, args, dynamic_shapes=tuple({0: batch} for _ in args))


def onnx_bytes(module: nn.Module, args: tuple[Any, ...], opset: int = 17) -> bytes:
    """The module as ONNX, by torch's scripting exporter."""
    file, names = io.BytesIO(), [f"x{i}" for i in range(len(args))]
    axes = {name: {0: "N"} for name in names}
    level = logging.root.manager.disable
    logging.disable(logging.CRITICAL)
    try:
        with warnings.catch_warnings(), contextlib.redirect_stdout(io.StringIO()):
            warnings.simplefilter("ignore")
            torch.onnx.export(
                module, args, file, dynamo=False, opset_version=opset, input_names=names, dynamic_axes=axes
            )
    finally:
        logging.disable(level)
    return file.getvalue()


def by_onnx(module: nn.Module, args: tuple[Any, ...]) -> Graph:
    """As the ONNX file has it."""
    return load(onnx_bytes(module, args))
