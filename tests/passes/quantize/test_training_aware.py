"""What training sees of grids: gradients, batch norms folded into weights, few bits."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import Tensor, nn

import lissom as ls
from lissom.ir.families.quantization import RANGES
from lissom.ir.graph import Graph
from lissom.ir.interpreter import evaluate
from lissom.ir.ops.clip import Clip
from lissom.ir.ops.fake_quant import FakeQuant
from lissom.ir.ops.fold_batch_normalization import FoldBatchNormalization
from lissom.ir.samples import literal, value, weight
from lissom.ir.types import DType
from lissom.ir.values import Value
from lissom.passes.runner import run
from tests.passes.quantize.nets import batches, chain


def fake(scale: list[float] | float, zero: list[int] | int, low: int, high: int, factor: float = 1.0) -> FakeQuant:
    s, z = literal("s", scale, DType.float32), literal("z", zero, DType.int8)
    return FakeQuant(value("x", 5, 3, 4), s, z, low, high, axis=1, grad_factor=factor)


def learned(*tensors: Tensor) -> list[Tensor]:
    return [t.clone().requires_grad_() for t in tensors]


@settings(deadline=None)
@given(st.integers(0, 2**31), st.integers(2, 8), st.booleans(), st.sampled_from([1.0, 0.37]))
def test_gradients_are_those_of_the_learnable_fake_quantize_of_torch(
    seed: int, bits: int, per_channel: bool, factor: float
) -> None:
    """``grad_factor`` scales the gradients of scale and zero point there too (LSQ, LSQ+)."""
    generator = torch.Generator().manual_seed(seed)
    low, high = -(2 ** (bits - 1)), 2 ** (bits - 1) - 1
    n = 3 if per_channel else 1
    x = torch.randn(5, 3, 4, generator=generator) * 2
    s = torch.rand(n, generator=generator) * 4 / 2**bits + 0.01
    z = torch.rand(n, generator=generator) * high  # the gradient of torch truncates negative ones
    ours, theirs = learned(x, s, z), learned(x, s, z)
    y = fake([0.1] * n, [0] * n, low, high, factor).run(*ours)
    if per_channel:
        expected = torch._fake_quantize_learnable_per_channel_affine(*theirs, 1, low, high, factor)
    else:
        expected = torch._fake_quantize_learnable_per_tensor_affine(*theirs, low, high, factor)
    # torch multiplies by 1 / scale where ONNX divides: leave out what lies between
    near = ((x / s.reshape(-1, 1) + torch.round(z).reshape(-1, 1)) % 1 - 0.5).abs() > 1e-4
    g = torch.randn(y.shape, generator=generator) * near
    torch.autograd.backward(y, g)
    torch.autograd.backward(expected, g)
    assert torch.equal(y[near], expected[near])
    for a, b in zip(ours, theirs, strict=True):
        assert a.grad is not None
        torch.testing.assert_close(a.grad, b.grad, rtol=1e-4, atol=1e-4)


@pytest.mark.parametrize("bits", [2, 4, 8])
def test_gradient_of_the_step_is_eq_3_of_lsq(bits: int) -> None:
    """Written down again from the paper, element by element, with its 1 / sqrt(n Qp).

    As in torch, what rounds into the range counts as within, where the paper ends it half a step earlier.
    """
    rng = np.random.default_rng(bits)
    qn, qp = 2 ** (bits - 1), 2 ** (bits - 1) - 1
    v, step = rng.standard_normal((5, 3, 4)).astype(np.float32), np.float32(2 / np.sqrt(qp) / 2)
    factor = 1 / np.sqrt(v.size * qp)
    op = fake(float(step), 0, -qn, qp, float(factor))
    x, s = learned(torch.from_numpy(v), torch.tensor(step))
    op.run(x, s, torch.tensor(0, dtype=torch.int8)).sum().backward()  # type: ignore[no-untyped-call]
    total = 0.0
    for ratio in (v / step).ravel().tolist():
        total += -qn if np.round(ratio) < -qn else qp if np.round(ratio) > qp else np.round(ratio) - ratio
    assert s.grad is not None
    assert float(s.grad) == pytest.approx(total * factor, rel=1e-4, abs=1e-5)
    assert x.grad is not None
    inside = (np.round(v / step) >= -qn) & (np.round(v / step) <= qp)
    np.testing.assert_array_equal(x.grad.numpy(), inside.astype(np.float32))


def test_training_and_inference_give_the_same_bytes() -> None:
    x = torch.randn(5, 3, 4, generator=torch.Generator().manual_seed(0))
    op = fake([0.1, 0.02, 0.7], [0, 3, -2], -8, 7)
    s, z = torch.tensor([0.1, 0.02, 0.7]), torch.tensor([0.4, 2.6, -2.0])
    plain = op.run(x, s, torch.tensor([0, 3, -2], dtype=torch.int8))
    assert torch.equal(op.run(*learned(x, s, z)), plain)
    assert torch.equal(op.run(x, s, z), plain)


def test_fold_batch_normalization_equals_torch() -> None:
    torch.manual_seed(0)
    conv, bn = nn.Conv2d(4, 6, 3, groups=2), nn.BatchNorm2d(6).eval()
    for p in (bn.weight, bn.bias, bn.running_mean):
        assert p is not None
        nn.init.uniform_(p, -1, 1)
    assert bn.running_mean is not None
    assert bn.running_var is not None
    nn.init.uniform_(bn.running_var, 0.1, 2)
    fused = torch.nn.utils.fusion.fuse_conv_bn_eval(conv.eval(), bn)
    p = [weight("p", 6)] * 4
    op = FoldBatchNormalization(value("w", 6, 2, 3, 3), *p, weight("b", 6), epsilon=bn.eps)
    w, b = op.run(conv.weight, bn.weight, bn.bias, bn.running_mean, bn.running_var, conv.bias)
    torch.testing.assert_close(w, fused.weight)
    torch.testing.assert_close(b, fused.bias)


class Normed(nn.Module):
    """Convolutions and a matrix product, each with a batch norm."""

    def __init__(self) -> None:
        super().__init__()
        self.conv1, self.bn1 = nn.Conv2d(3, 8, 3, padding=1, bias=False), nn.BatchNorm2d(8)
        self.conv2, self.bn2 = nn.Conv2d(8, 8, 3, padding=1, groups=8), nn.BatchNorm2d(8)
        self.fc, self.bn3 = nn.Linear(8, 5), nn.BatchNorm1d(5)

    def forward(self, x: Tensor) -> Tensor:
        x = torch.relu(self.bn1(self.conv1(x)))
        x = torch.relu(x + self.bn2(self.conv2(x)))
        out: Tensor = self.bn3(self.fc(x.mean((2, 3))))
        return out


def normed() -> Graph:
    torch.manual_seed(0)
    module = Normed().eval()
    for bn in (module.bn1, module.bn2, module.bn3):
        nn.init.uniform_(bn.running_mean, -0.2, 0.2)
        nn.init.uniform_(bn.running_var, 0.5, 2)
    return ls.from_torch(module, (torch.zeros(2, 3, 8, 8),), dynamic_shapes=({0: torch.export.Dim.DYNAMIC},))


def test_fold_for_training_keeps_every_parameter_and_the_outputs() -> None:
    graph = normed()
    kept, report = run("fold(training=true)", graph, report=True)
    assert report.rows[0].check.startswith("equal")
    assert sum(isinstance(op, FoldBatchNormalization) for op in kept.ops) == 3
    assert not any(op.op_type == "BatchNormalization" for op in kept.ops)
    names = {c.name for c in graph.consts if c.trainable}
    assert names <= {c.name for c in kept.consts}
    again = run("fold", kept)
    assert not any(isinstance(op, FoldBatchNormalization) for op in again.ops)


def test_grids_are_put_on_folded_weights() -> None:
    data = batches(np.random.default_rng(0), 3, 8, 8)
    late = run("fold(training=true), fake_quantize, fold", normed(), data=data)
    early = run("fold, fake_quantize", normed(), data=data)
    np.testing.assert_allclose(evaluate(late, data[0])[0], evaluate(early, data[0])[0], atol=0.1)
    direct = run("fold(training=true), fake_quantize, integerize", normed(), data=data)
    through = run("fold(training=true), fake_quantize, fold, integerize", normed(), data=data)
    np.testing.assert_array_equal(evaluate(direct, data[0])[0], evaluate(through, data[0])[0])
    assert {op.op_type for op in direct.ops if op.type.dtype.is_float} == {"DequantizeLinear"}


@pytest.mark.parametrize("dtype", ["int4", "uint4", "int2", "uint2"])
def test_activations_of_few_bits_are_part_of_a_byte(dtype: str) -> None:
    rng = np.random.default_rng(1)
    data = batches(rng, 3, 8, 8)
    graph = chain(rng)
    decided = run(f"fold, fake_quantize({dtype}, weights=int4)", graph, data=data)
    grids = {(op.low, op.high) for op in decided.ops if isinstance(op, FakeQuant) and op.scale.type.rank == 0}
    assert grids == {RANGES[DType[dtype]], RANGES[DType[dtype[:-1] + "8"]]}
    got = run(f"fold, fake_quantize({dtype}, weights=int4), integerize", graph, data=data)
    assert {op.op_type for op in got.ops if op.type.dtype.is_float} == {"DequantizeLinear"}
    seen: dict[Value, int] = {}
    evaluate(got, data[0], observe=lambda v, t: seen.update({v: t.unique().numel()}))
    cut = [op for op in got.ops if isinstance(op, Clip) and not any(isinstance(u, Clip) for u in op.users)]
    assert cut
    assert max(seen[op] for op in cut) <= 2 ** int(dtype[-1])
    in_torch = ls.to_torch(got)(torch.from_numpy(data[0]))
    np.testing.assert_array_equal(np.asarray(in_torch), evaluate(got, data[0])[0])
