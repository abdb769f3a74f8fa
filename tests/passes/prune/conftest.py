"""Small networks to prune, and data for them."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pytest
import torch

from lissom.ir.graph import Graph
from lissom.ir.parser import parse_graph

torch.set_num_threads(1)

RESIDUAL = """
graph 'residual' stage=imported {
  input %x: float32[N,3,8,8]
  const %stem.w: float32[8,3,3,3] trainable
  const %stem.b: float32[8] trainable
  const %a.w: float32[12,8,3,3] trainable
  const %a.b: float32[12] trainable
  const %b.w: float32[8,12,3,3] trainable
  const %b.b: float32[8] trainable
  const %fc.w: float32[5,8] trainable
  const %fc.b: float32[5] trainable
  %stem = Conv(%x, %stem.w, %stem.b, pads=(1, 1, 1, 1)): float32[N,8,8,8]
  %r0 = Relu(%stem): float32[N,8,8,8]
  %a = Conv(%r0, %a.w, %a.b, pads=(1, 1, 1, 1)): float32[N,12,8,8]
  %r1 = Relu(%a): float32[N,12,8,8]
  %b = Conv(%r1, %b.w, %b.b, pads=(1, 1, 1, 1)): float32[N,8,8,8]
  %sum = Add(%b, %r0): float32[N,8,8,8]
  %r2 = Relu(%sum): float32[N,8,8,8]
  %pool = GlobalAveragePool(%r2): float32[N,8,1,1]
  %flat = Flatten(%pool): float32[N,8]
  %y = Gemm(%flat, %fc.w, %fc.b, transB=True): float32[N,5]
  output 'y' = %y
}
"""

SHAPES = {
    "stem.w": (8, 3, 3, 3),
    "stem.b": (8,),
    "a.w": (12, 8, 3, 3),
    "a.b": (12,),
    "b.w": (8, 12, 3, 3),
    "b.b": (8,),
    "fc.w": (5, 8),
    "fc.b": (5,),
}

Residual = Callable[..., Graph]


@pytest.fixture
def residual() -> Residual:
    """A network with one residual branch; weights that are given replace random ones."""

    def make(seed: int = 0, **given: np.ndarray) -> Graph:
        rng = np.random.default_rng(seed)
        weights = {}
        for name, shape in SHAPES.items():
            spread = 1 / np.sqrt(max(1, np.prod(shape[1:])))
            weights[name] = (rng.standard_normal(shape) * spread).astype(np.float32)
        return parse_graph(RESIDUAL, weights | {k.replace("_", "."): v for k, v in given.items()})

    return make


@pytest.fixture
def images() -> np.ndarray:
    """Smooth images, whose neighbouring pixels are alike as in photographs."""
    rng = np.random.default_rng(7)
    coarse = rng.standard_normal((96, 3, 4, 4)).repeat(2, 2).repeat(2, 3)
    return (coarse + 0.3 * rng.standard_normal(coarse.shape)).astype(np.float32)
