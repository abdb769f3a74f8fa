"""Every way in: a traced GraphModule, an ExportedProgram, the same network by ONNX; and what is refused, and how."""

from __future__ import annotations

import io
import warnings
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
import torch.nn.functional as F
from test_torch_nets import imported, prepared
from torch import nn
from torch_nets import NETS, Residual

from lissom.backends.torch import to_torch
from lissom.ir.errors import Error, Unsupported
from lissom.ir.importers.onnx import load
from lissom.ir.importers.torch import from_torch
from lissom.ir.interpreter import evaluate
from lissom.ir.verify import verify

EXAMPLES = Path(__file__).parents[2] / "examples"


def onnx_bytes(module: nn.Module, args: tuple[Any, ...], dynamo: bool) -> bytes:
    buffer = io.BytesIO()
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        if dynamo:
            program = torch.onnx.export(module, args, dynamo=True, verbose=False)
            assert program is not None
            program.save(buffer)
        else:
            torch.onnx.export(module, args, buffer, dynamo=False)
    return buffer.getvalue()


@pytest.mark.parametrize("dynamo", [True, False], ids=["dynamo", "legacy"])
@pytest.mark.parametrize("name", ["lenet", "resnet", "mobilenet_v3", "unet", "vit"])
def test_by_onnx_and_by_torch_compute_the_same(name: str, dynamo: bool) -> None:
    case = prepared(name)
    by_onnx = load(onnx_bytes(case.module.eval(), case.args, dynamo))
    arrays = [a.numpy() for a in case.args]
    (want,), (got,) = evaluate(imported(case), *arrays), evaluate(by_onnx, *arrays)
    np.testing.assert_allclose(got, want, rtol=1e-4, atol=1e-5)
    torch.testing.assert_close(to_torch(by_onnx)(*case.args), torch.from_numpy(want), rtol=1e-4, atol=1e-5)


@pytest.mark.parametrize("name", ["lenet5", "resnet8", "dscnn"])
def test_onnx_file_becomes_a_module(name: str) -> None:
    graph = load(EXAMPLES / f"{name}.onnx")
    module = to_torch(graph)
    x = np.load(EXAMPLES / "data" / "fashion_mnist_test.npz")["x"][:4]
    got = module(torch.from_numpy(x))
    np.testing.assert_allclose(got.detach().numpy(), evaluate(graph, x)[0], rtol=1e-4, atol=1e-5)
    again = from_torch(module)
    verify(again)
    np.testing.assert_array_equal(evaluate(again, x)[0], evaluate(graph, x)[0])


@pytest.mark.parametrize("name", ["lenet", "resnet", "mobilenet_v2", "encoder_layer"])
def test_symbolically_traced_module(name: str) -> None:
    case = prepared(name)
    if name == "encoder_layer":
        case.module = case.module.layers[0].linear1
    traced = torch.fx.symbolic_trace(case.module)
    graph = from_torch(traced, case.args)
    verify(graph)
    assert {c.name for c in graph.consts if c.trainable} <= {n for n, _ in case.module.named_parameters()}
    want = case.module.eval()(*case.args).detach().numpy()
    np.testing.assert_allclose(evaluate(graph, *(a.numpy() for a in case.args))[0], want, rtol=1e-4, atol=1e-5)


def test_traced_methods_and_functions() -> None:
    class Mixed(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.conv = nn.Conv2d(3, 4, 3)
            self.scale = nn.Parameter(torch.randn(4, 1, 1))

        def forward(self, x: torch.Tensor) -> torch.Tensor:
            y = F.relu(self.conv(x)) * self.scale
            return torch.cat([y.mean(dim=(2, 3)), y.amax((2, 3))], 1).view(x.size(0), -1).softmax(dim=-1)

    module, x = Mixed(), torch.randn(2, 3, 6, 6)
    graph = from_torch(torch.fx.symbolic_trace(module), (x,))
    np.testing.assert_allclose(evaluate(graph, x.numpy())[0], module(x).detach().numpy(), rtol=1e-5, atol=1e-6)


@pytest.mark.parametrize("decomposed", [False, True])
def test_exported_program(decomposed: bool) -> None:
    module, x = Residual(3, 6, 2).eval(), torch.randn(4, 3, 8, 8)
    shapes = ({0: torch.export.Dim("batch")},)
    program = torch.export.export(module, (x,), dynamic_shapes=shapes)
    if decomposed:
        program = program.run_decompositions()
    graph = from_torch(program)
    verify(graph)
    np.testing.assert_allclose(evaluate(graph, x.numpy())[0], module(x).detach().numpy(), rtol=1e-4, atol=1e-5)
    twin, more = to_torch(graph), torch.randn(7, 3, 8, 8)
    torch.testing.assert_close(twin(more), module(more), rtol=1e-4, atol=1e-5)


@pytest.mark.parametrize("name", sorted(NETS))
def test_decomposed_programs(name: str) -> None:
    """Core ATen operators, as other tools leave them."""
    case = prepared(name)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        program = torch.export.export(case.module.eval(), case.args).run_decompositions()
    graph = from_torch(program)
    want = case.module(*case.args).detach().numpy()
    np.testing.assert_allclose(evaluate(graph, *(a.numpy() for a in case.args))[0], want, rtol=1e-4, atol=1e-5)


def test_names_of_free_sizes() -> None:
    class Two(nn.Module):
        def forward(self, x: torch.Tensor, rest: dict[str, torch.Tensor]) -> torch.Tensor:
            return x.reshape(x.shape[0] * x.shape[1]) + rest["y"].reshape(-1)

    n, m = torch.export.Dim("N"), torch.export.Dim("M")
    example = (torch.randn(4, 6), {"y": torch.randn(6, 4)})
    graph = from_torch(Two(), example, dynamic_shapes={"x": {0: n, 1: m}, "rest": {"y": {0: m, 1: n}}})
    assert [str(i.type) for i in graph.inputs] == ["float32[N,M]", "float32[M,N]"]
    assert str(graph.outputs[0].type) == "float32[M*N]"
    graph = from_torch(Two(), example, dynamic_shapes=({0: torch.export.Dim.AUTO}, {"y": {1: torch.export.Dim.AUTO}}))
    assert [str(i.type) for i in graph.inputs] == ["float32[x_0,6]", "float32[6,x_0]"]


# ---- what is refused


class Hard(nn.Module):
    def forward(self, x: torch.Tensor) -> Any:
        a = torch.linalg.eigh(x)[0]
        b = torch.linalg.svd(x)[1]
        c = torch.linalg.eigh(x + 1)[0]
        return F.relu(a).sum() + b.sum() + c.sum()


def test_every_unsupported_operator_is_named_with_its_line() -> None:
    with pytest.raises(Unsupported) as caught:
        from_torch(Hard(), (torch.randn(4, 4),))
    message = str(caught.value)
    assert "3 operators of Hard cannot be translated" in message
    assert (
        message.count("linalg_svd.default: no translation") == message.count("linalg_eigh.default: no translation") == 1
    )
    first = Hard.forward.__code__.co_firstlineno
    for offset in (1, 2, 3):
        assert f"test_torch_doors.py:{first + offset}" in message


class Branches(nn.Module):
    def forward(self, x: torch.Tensor) -> torch.Tensor:
        if x.sum() > 0:
            return x + 1
        return x - 1


def test_control_flow_on_data() -> None:
    with pytest.raises(
        Unsupported, match=r"Branches.forward decides by the values of its tensors at .*test_torch_doors.py:\d+ \(if x"
    ):
        from_torch(Branches(), (torch.randn(3),))


@pytest.mark.parametrize(
    ("args", "message"),
    [
        ((torch.randn(2, 5),), r"Linear cannot be captured: RuntimeError: .*[^.]\. Check that module"),
        ((), "Linear cannot be captured"),
        ((torch.randn(2, 3), 1, 2), "Linear cannot be captured"),
        ("x", "example_args is a tuple of the arguments of Linear, got str"),
    ],
)
def test_wrong_example_arguments(args: Any, message: str) -> None:
    with pytest.raises(Error, match=message):
        from_torch(nn.Linear(3, 4), args)


def test_wrong_keyword_arguments() -> None:
    with pytest.raises(Error, match="example_kwargs is a dict"):
        from_torch(nn.Linear(3, 4), (torch.randn(2, 3),), 3)  # type: ignore[arg-type]
    with pytest.raises(Error, match=r"Linear cannot be captured.*nonsense"):
        from_torch(nn.Linear(3, 4), (torch.randn(2, 3),), {"nonsense": 1})


def test_wrong_dynamic_shapes() -> None:
    with pytest.raises(Error, match="dynamic_shapes do not fit Linear"):
        from_torch(nn.Linear(3, 4), (torch.randn(2, 3),), dynamic_shapes=({1: torch.export.Dim("N")},))


def test_not_a_module() -> None:
    with pytest.raises(Error, match=r"takes a torch\.nn\.Module or an ExportedProgram, got builtin_function"):
        from_torch(torch.relu, (torch.randn(3),))  # type: ignore[arg-type]


def test_script_module() -> None:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        scripted = torch.jit.script(nn.Linear(3, 4))
    with pytest.raises(Unsupported, match="ScriptModule"):
        from_torch(scripted, (torch.randn(2, 3),))


def test_module_with_state() -> None:
    class Counter(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.register_buffer("seen", torch.zeros(3))

        def forward(self, x: torch.Tensor) -> torch.Tensor:
            self.seen += x
            return x + self.seen

    with pytest.raises(Unsupported, match="forward writes to 'seen'"):
        from_torch(Counter(), (torch.randn(3),))


def test_result_of_a_size_that_depends_on_data() -> None:
    class Picks(nn.Module):
        def forward(self, x: torch.Tensor) -> torch.Tensor:
            return x[x > 0]

    with pytest.raises(Unsupported, match="indexing with a mask"):
        from_torch(Picks(), (torch.randn(3),))
