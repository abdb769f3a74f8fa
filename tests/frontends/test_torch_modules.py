"""What a GraphModule of ``to_torch`` is besides its numbers: layers, training, state, signature, names."""

from __future__ import annotations

import copy
import io
import pickle
from dataclasses import dataclass
from typing import Any, NamedTuple

import numpy as np
import pytest
import torch
from torch import nn
from torch_nets import GPT, NETS, Residual

from lissom.backends.torch import to_torch
from lissom.ir.errors import DataError
from lissom.ir.graph import Graph
from lissom.ir.importers.torch import from_torch
from lissom.ir.interpreter import evaluate
from lissom.ir.op import op_class
from lissom.ir.ops.batch_normalization import BatchNormalization
from lissom.ir.ops.dropout import Dropout
from lissom.ir.samples import value, weight
from lissom.ir.values import Const, Input
from lissom.ir.verify import verify


def residual() -> tuple[nn.Module, torch.Tensor]:
    torch.manual_seed(0)
    return Residual(3, 6, 2), torch.randn(4, 3, 8, 8)


# ---- training


def test_batch_norms_are_layers_and_train_like_the_original() -> None:
    module, x = residual()
    twin = to_torch(from_torch(module, (x,)))
    assert isinstance(twin.get_submodule("bn1"), nn.BatchNorm2d)
    assert not twin.training
    module.train()
    twin.train()
    for m in (module, twin):
        optimizer = torch.optim.SGD(m.parameters(), 0.1)
        for _ in range(3):
            optimizer.zero_grad()
            m(x).square().mean().backward()
            optimizer.step()
    for name, tensor in module.state_dict().items():
        torch.testing.assert_close(twin.state_dict()[name], tensor, rtol=1e-4, atol=1e-5, msg=name)
    torch.testing.assert_close(twin.eval()(x), module.eval()(x), rtol=1e-4, atol=1e-5)


def test_trained_weights_come_back() -> None:
    module, x = residual()
    twin = to_torch(from_torch(module, (x,)))
    twin.train()
    twin(x + 3).mean().backward()
    with torch.no_grad():
        for p in twin.parameters():
            p -= 0.1 * p.grad
    graph = from_torch(twin)
    verify(graph)
    np.testing.assert_allclose(evaluate(graph, x.numpy())[0], twin.eval()(x).detach().numpy(), rtol=1e-4, atol=1e-5)
    trainable = {c.name for c in graph.consts if c.trainable}
    assert trainable == {n for n, _ in module.named_parameters()}


def test_batch_norm_of_foreign_names_trains_too() -> None:
    """Statistics that are not called as those of one layer: a module of ours moves them."""
    torch.manual_seed(0)
    layer, x = nn.BatchNorm2d(3), torch.randn(4, 3, 5, 5)
    graph = Graph()
    given = graph.input("x", value("x", 4, 3, 5, 5).type)
    operands = [
        Const(t.detach().numpy().copy(), name, trainable=i < 2)
        for i, (name, t) in enumerate(
            {"s": layer.weight, "o": layer.bias, "m": layer.running_mean, "v": layer.running_var}.items()
        )  # type: ignore[union-attr]
    ]
    graph.set_outputs({"y": BatchNormalization(given, *operands).named("bn")})
    twin = to_torch(graph).train()
    torch.testing.assert_close(twin(x), layer.train()(x))
    torch.testing.assert_close(twin.m, layer.running_mean)
    torch.testing.assert_close(twin.v, layer.running_var)
    torch.testing.assert_close(twin.eval()(x), layer.eval()(x))
    assert set(dict(twin.named_parameters())) == {"s", "o"}


def test_dropout_drops_in_training_only() -> None:
    module = nn.Sequential(nn.Linear(4, 100), nn.Dropout(0.3))
    x = torch.randn(8, 4)
    graph = from_torch(module, (x,))
    assert any(isinstance(op, Dropout) for op in graph.ops)
    twin = to_torch(graph)
    assert [m.p for m in twin.modules() if isinstance(m, nn.Dropout)] == [pytest.approx(0.3)]
    assert (twin(x) != 0).all()
    zeros = (twin.train()(x) == 0).float().mean()
    assert 0.2 < zeros < 0.4


def test_dropout_survives_writes_in_place() -> None:
    class Writes(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.drop = nn.Dropout(0.4)

        def forward(self, x: torch.Tensor) -> torch.Tensor:
            y = self.drop(x * 2)
            y[:, 0] = 0
            return y

    x = torch.randn(3, 4)
    graph = from_torch(Writes(), (x,))
    assert [float(op.ratio.data) for op in graph.ops if isinstance(op, Dropout)] == [pytest.approx(0.4)]  # type: ignore[union-attr]
    np.testing.assert_allclose(evaluate(graph, x.numpy())[0], Writes().eval()(x).numpy())


def test_fake_quant_trains_and_comes_back() -> None:
    module, x = nn.Sequential(nn.Linear(4, 3)), torch.randn(5, 4)
    graph = from_torch(module, (x,))
    from lissom.ir.ops.fake_quant import FakeQuant
    from lissom.ir.samples import literal
    from lissom.ir.types import DType

    w = next(c for c in graph.consts if c.name == "0.weight")
    gemm = graph.ops[-1]
    quantized = FakeQuant(
        w, literal("0.weight_scale", 0.05, DType.float32), literal("0.weight_zero_point", 0, DType.int8), -127, 127
    )
    graph.replace(gemm, gemm.replace(b=quantized.named("0.weight_quantized")))
    graph.stage = type(graph.stage).decided
    twin = to_torch(graph).train()
    twin(x).sum().backward()
    assert twin.get_parameter("0.weight").grad.abs().sum() > 0
    again = from_torch(twin)
    verify(again)
    assert str(again) == str(graph)


# ---- state


def test_weights_are_copies() -> None:
    module, x = residual()
    graph = from_torch(module, (x,))
    before = evaluate(graph, x.numpy())[0]
    twin = to_torch(graph)
    with torch.no_grad():
        for p in (*module.parameters(), *twin.parameters()):
            p.zero_()
    np.testing.assert_array_equal(evaluate(graph, x.numpy())[0], before)


def test_tied_weights_are_one() -> None:
    module = GPT()
    tokens = torch.randint(0, 20, (2, 7))
    graph = from_torch(module, (tokens,))
    assert [c.name for c in graph.consts if c.data.shape == (20, 8)] == ["wte.weight"]
    twin = to_torch(graph)
    assert twin.lm_head.weight is twin.wte.weight
    assert len(list(twin.parameters())) == len(list(module.parameters()))
    assert twin.state_dict().keys() == module.state_dict().keys()


def test_shapes_are_not_state() -> None:
    case = NETS["vit"]()
    twin = to_torch(from_torch(case.module, case.args))
    assert {n for n, _ in twin.named_parameters()} == {n for n, _ in case.module.named_parameters()}
    assert not list(twin.state_dict().keys() - case.module.state_dict().keys())


def test_copies_and_pickles_compute_the_same() -> None:
    module, x = residual()
    twin = to_torch(from_torch(module, (x,)))
    copied = copy.deepcopy(twin)
    with torch.no_grad():
        twin.conv1.weight.mul_(2)
    assert not torch.equal(copied.conv1.weight, twin.conv1.weight)
    torch.testing.assert_close(copied(x), module.eval()(x), rtol=1e-4, atol=1e-5)
    buffer = io.BytesIO()
    torch.save(copied.state_dict(), buffer)
    buffer.seek(0)
    twin.load_state_dict(torch.load(buffer))
    torch.testing.assert_close(twin(x), copied(x))
    torch.testing.assert_close(pickle.loads(pickle.dumps(twin))(x), copied(x))


@pytest.mark.parametrize("name", ["resnet", "shufflenet", "unet", "vit", "swin", "gpt", "recommender", "generator"])
def test_result_exports_again(name: str) -> None:
    """As any module, besides being read back: its ops are traced into ATen operators."""
    torch.manual_seed(0)
    case = NETS[name]()
    twin = to_torch(from_torch(case.module, case.args))
    graph = from_torch(torch.export.export(twin, case.args))
    want = case.module.eval()(*case.args).detach().numpy()
    np.testing.assert_allclose(evaluate(graph, *(a.numpy() for a in case.args))[0], want, rtol=1e-4, atol=1e-5)


def test_result_exports_with_a_free_batch() -> None:
    case = NETS["resnet"]()
    shapes = ({0: torch.export.Dim("N")},)
    twin = to_torch(from_torch(case.module, case.args, dynamic_shapes=shapes))
    program = torch.export.export(twin, case.args, dynamic_shapes=shapes)
    x = torch.randn(5, 3, 24, 24)
    torch.testing.assert_close(program.module()(x), case.module.eval()(x), rtol=1e-4, atol=1e-5)


def test_code_is_readable() -> None:
    module, x = residual()
    code = to_torch(from_torch(module, (x,))).code
    assert "conv1 = self.ops.conv1(x, conv1_weight, None)" in code
    assert "bn1 = self.bn1(conv1)" in code


# ---- signature


@dataclass
class Boxes:
    corners: torch.Tensor
    scores: torch.Tensor


class Pair(NamedTuple):
    a: torch.Tensor
    b: torch.Tensor


class Structured(nn.Module):
    def forward(self, x: torch.Tensor, rest: Any, flag: bool = True, *, mask: Any = None, scale: Any = None) -> Any:
        y = x * rest["a"] + rest["bs"][0] - rest["bs"][1]
        if flag:
            y = y + mask
        return {"y": y, "more": (x, [y * scale, None, 3]), "pair": Pair(y, x + 1)}


def structured() -> tuple[tuple[Any, ...], dict[str, Any]]:
    rest = {"a": torch.randn(3), "bs": [torch.randn(3), torch.randn(3)]}
    return (torch.randn(2, 3), rest), {"mask": torch.randn(3), "scale": torch.tensor(2.0)}


def test_structures_in_and_out() -> None:
    args, kwargs = structured()
    module = Structured()
    graph = from_torch(module, args, kwargs)
    assert [i.name for i in graph.inputs] == ["x", "rest_a", "rest_bs_0", "rest_bs_1", "mask", "scale"]
    assert graph.output_names == ("y", "more.0", "more.1.0", "pair.a", "pair.b")
    for twin in (to_torch(graph), to_torch(from_torch(to_torch(graph)))):
        want, got = module(*args, **kwargs), twin(*args, **kwargs)
        assert isinstance(got["pair"], Pair)
        assert got["more"][1][1:] == [None, 3]
        torch.testing.assert_close(got["pair"], want["pair"])
        torch.testing.assert_close(
            [got["y"], got["more"][0], got["more"][1][0]], [want["y"], args[0], want["more"][1][0]]
        )
        swapped = dict(reversed(kwargs.items()))
        torch.testing.assert_close(twin(*args, **swapped)["y"], want["y"])


def test_plain_arguments_must_stay() -> None:
    args, kwargs = structured()
    twin = to_torch(from_torch(Structured(), (*args, True), kwargs))
    torch.testing.assert_close(twin(*args, True, **kwargs)["y"], Structured()(*args, True, **kwargs)["y"])
    with pytest.raises(DataError, match=r"captured with True .* got False"):
        twin(*args, False, **kwargs)


def test_dataclasses() -> None:
    torch.export.register_dataclass(Boxes, serialized_type_name="test.Boxes")

    class Shift(nn.Module):
        def forward(self, boxes: Boxes) -> Boxes:
            return Boxes(boxes.corners + 1, boxes.scores.sigmoid())

    boxes = Boxes(torch.randn(2, 4), torch.randn(2))
    got, want = to_torch(from_torch(Shift(), (boxes,)))(boxes), Shift()(boxes)
    assert isinstance(got, Boxes)
    torch.testing.assert_close([got.corners, got.scores], [want.corners, want.scores])


def test_other_graphs_take_and_give_tensors() -> None:
    graph = Graph("two results")
    a, b = graph.input("in/a", value("a", 2, 3).type), graph.input("b:0", value("b", 2, 3).type)
    add = op_class("Add")(a, weight("layer/w.0", 3)).named("class")
    graph.set_outputs({"p": add, "q": op_class("Mul")(add, b)})
    x, y = torch.randn(2, 3), torch.randn(2, 3)
    module = to_torch(graph)
    p, q = module(x, y)
    for got, want in zip((p, q), evaluate(graph, x.numpy(), y.numpy()), strict=True):
        np.testing.assert_allclose(got.numpy(), want)
    assert list(module.state_dict()) == ["layer_w.0"]
    graph.set_outputs({"p": add})
    assert isinstance(to_torch(graph)(x, y), torch.Tensor)


@pytest.mark.parametrize("names", [("a", "a.b"), ("forward", "training"), ("a b", "a_b"), ("1x.y", "for.if"), ("", "")])
def test_awkward_names_find_a_place(names: tuple[str, str]) -> None:
    graph = Graph()
    x = graph.input("x", value("x", 3).type)
    consts = [Const(np.full(3, i + 1, dtype=np.float32), n, trainable=True) for i, n in enumerate(names)]
    add = op_class("Add")
    graph.set_outputs({"y": add(add(x, consts[0]).named("ops"), consts[1])})
    module = to_torch(graph)
    torch.testing.assert_close(module(torch.zeros(3)), torch.full((3,), 3.0))
    assert len(list(module.parameters())) == 2


# ---- where things come from


def test_locations_and_names() -> None:
    module, x = residual()
    graph = from_torch(nn.Sequential(module), (x,))
    by_name = {op.name: op for op in graph.ops}
    assert {"0.conv1", "0.bn1", "0.relu", "0.downsample.0", "0.add"} <= by_name.keys()
    assert all("torch_nets.py:" in str(op.loc) for op in graph.ops)
    assert all(isinstance(i, Input) and i.name == "input" for i in graph.inputs)


def test_module_is_left_as_it_was() -> None:
    module, x = residual()
    module.train()
    module.bn1.eval()
    from_torch(module, (x,))
    assert module.training
    assert module.conv1.training
    assert not module.bn1.training
