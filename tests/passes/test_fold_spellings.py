"""What exporters spell out becomes one op, in whatever order they spell it."""

from __future__ import annotations

import io
import math
from collections import Counter

import numpy as np
import pytest
import torch
from torch import nn

GELU = {
    "torch: x / sqrt(2), then x * (1 + erf) * 0.5": """
        %d = Div(%x, %r2): float32[N,4]
        %e = Erf(%d): float32[N,4]
        %o = Add(%e, %one): float32[N,4]
        %p = Mul(%x, %o): float32[N,4]
        %y = Mul(%p, %half): float32[N,4]""",
    "half first": """
        %h = Mul(%half, %x): float32[N,4]
        %d = Mul(%x, %r1): float32[N,4]
        %e = Erf(%d): float32[N,4]
        %o = Add(%one, %e): float32[N,4]
        %y = Mul(%o, %h): float32[N,4]""",
    "half of the curve": """
        %d = Div(%x, %r2): float32[N,4]
        %e = Erf(%d): float32[N,4]
        %o = Add(%one, %e): float32[N,4]
        %h = Mul(%o, %half): float32[N,4]
        %y = Mul(%x, %h): float32[N,4]""",
}


@pytest.mark.parametrize("ops", GELU.values(), ids=GELU.keys())
def test_gelu(folds, ops):
    folds(
        f"""
        input %x: float32[N,4]
        const %r2: float32[] = {np.float32(math.sqrt(2))}
        const %r1: float32[] = {np.float32(math.sqrt(0.5))}
        const %one: float32[] = 1.0
        const %half: float32[1] = [0.5]
        {ops}
        output 'y' = %y
        """,
        "%y = Gelu(%x): float32[N,4]\noutput 'y' = %y",
    )


@pytest.mark.parametrize(
    "power", ["%p = Pow(%x, %three): float32[4]", "%q = Mul(%x, %x): float32[4]\n%p = Mul(%x, %q): float32[4]"]
)
def test_tanh_gelu(folds, power):
    folds(
        f"""
        input %x: float32[4]
        const %three: float32[] = 3.0
        const %k: float32[] = 0.044715
        const %c: float32[] = {np.float32(math.sqrt(2 / math.pi))}
        const %one: float32[] = 1.0
        const %half: float32[] = 0.5
        {power}
        %a = Mul(%k, %p): float32[4]
        %b = Add(%x, %a): float32[4]
        %d = Mul(%b, %c): float32[4]
        %t = Tanh(%d): float32[4]
        %o = Add(%one, %t): float32[4]
        %h = Mul(%x, %half): float32[4]
        %y = Mul(%h, %o): float32[4]
        output 'y' = %y
        """,
        "%y = Gelu(%x, approximate='tanh'): float32[4]\noutput 'y' = %y",
    )


def test_a_wrong_constant_is_no_gelu(folds, build):
    from lissom.passes.fold import fold

    graph = build(
        """
        input %x: float32[4]
        const %r: float32[] = 1.5
        const %one: float32[] = 1.0
        const %half: float32[] = 0.5
        %d = Div(%x, %r): float32[4]
        %e = Erf(%d): float32[4]
        %o = Add(%e, %one): float32[4]
        %p = Mul(%x, %o): float32[4]
        %y = Mul(%p, %half): float32[4]
        output 'y' = %y
        """
    )
    fold(graph)
    assert Counter(op.op_type for op in graph.ops) == {"Div": 1, "Erf": 1, "Add": 1, "Mul": 2}


HARD = {
    "hard sigmoid, divided": (
        "%a = Add(%x, %three): float32[4]\n%c = Clip(%a, %zero, %six): float32[4]\n%y = Div(%c, %six): float32[4]",
        "%y = HardSigmoid(%x, alpha=0.16666666666666666): float32[4]",
    ),
    "hard sigmoid, multiplied": (
        "%a = Add(%three, %x): float32[4]\n%c = Clip(%a, %zero, %six): float32[4]\n%y = Mul(%sixth, %c): float32[4]",
        "%y = HardSigmoid(%x, alpha=0.16666666666666666): float32[4]",
    ),
    "hard swish, x * hard sigmoid": (
        "%h = HardSigmoid(%x, alpha=0.1666666716337204): float32[4]\n%y = Mul(%h, %x): float32[4]",
        "%y = HardSwish(%x): float32[4]",
    ),
    "hard swish, x * clip / 6": (
        "%a = Add(%x, %three): float32[4]\n%c = Clip(%a, %zero, %six): float32[4]\n"
        "%m = Mul(%x, %c): float32[4]\n%y = Div(%m, %six): float32[4]",
        "%y = HardSwish(%x): float32[4]",
    ),
    "swish": ("%s = Sigmoid(%x): float32[4]\n%y = Mul(%s, %x): float32[4]", "%y = Swish(%x): float32[4]"),
}


@pytest.mark.parametrize(("before", "after"), HARD.values(), ids=HARD.keys())
def test_hard_sigmoid_hard_swish_and_swish(folds, before, after):
    constants = {"three": 3.0, "six": 6.0, "zero": 0.0, "sixth": float(np.float32(1 / 6))}
    head = "\n".join(f"const %{name}: float32[] = {value}" for name, value in constants.items())
    folds(f"input %x: float32[4]\n{head}\n{before}\noutput 'y' = %y", f"{after}\noutput 'y' = %y")


def test_a_gate_of_another_value_is_no_swish(folds):
    folds(
        """
        input %x: float32[4]
        input %z: float32[4]
        %s = Sigmoid(%z): float32[4]
        %y = Mul(%x, %s): float32[4]
        output 'y' = %y
        """
    )


LAYER_NORM = """
    input %x: float32[N,5,20]
    const %ax: int64[1] = [-1]
    const %two: float32[] = 2.0
    const %eps: float32[] = 1e-05
    const %gamma: float32[20]
    const %beta: float32[20]
    %mean = ReduceMean(%x, %ax): float32[N,5,1]
    %d = Sub(%x, %mean): float32[N,5,20]
    %sq = {square}: float32[N,5,20]
    %var = ReduceMean(%sq, %ax): float32[N,5,1]
    %ve = Add(%var, %eps): float32[N,5,1]
    %sd = Sqrt(%ve): float32[N,5,1]
    %n = {quotient}: float32[N,5,20]
    %g = Mul(%gamma, %n): float32[N,5,20]
    %y = Add(%g, %beta): float32[N,5,20]
    output 'y' = %y
"""


@pytest.mark.parametrize("square", ["Pow(%d, %two)", "Mul(%d, %d)"])
def test_layer_norm(folds, square):
    folds(
        LAYER_NORM.format(square=square, quotient="Div(%d, %sd)"),
        "%n = LayerNormalization(%x, %gamma, %beta, epsilon=9.999999747378752e-06): float32[N,5,20]\noutput 'y' = %n",
    )


def test_mean_over_other_axes_is_no_layer_norm(build):
    from lissom.passes.fold import fold

    text = LAYER_NORM.format(square="Mul(%d, %d)", quotient="Div(%d, %sd)")
    graph = build(text.replace("= [-1]", "= [1]").replace("[N,5,1]", "[N,1,20]"))
    fold(graph)
    assert "LayerNormalization" not in {op.op_type for op in graph.ops}


@pytest.mark.parametrize(
    ("keepdims", "result", "pooled"),
    [("", "float32[N,3,1,1]", "%y"), ("keepdims=False", "float32[N,3]", "%y.globalaveragepool")],
)
def test_mean_over_space_is_a_global_pool(folds, keepdims, result, pooled):
    after = f"{pooled} = GlobalAveragePool(%x): float32[N,3,1,1]\n"
    after += f"%y = Flatten({pooled}): float32[N,3]\n" if keepdims else ""
    folds(
        f"""
        input %x: float32[N,3,8,8]
        const %ax: int64[2] = [2, -1]
        %y = ReduceMean(%x, {", ".join(filter(None, ["%ax", keepdims]))}): {result}
        output 'y' = %y
        """,
        f"{after}output 'y' = %y",
    )


MODULES = {
    "gelu": (
        nn.Sequential(nn.Linear(8, 8), nn.GELU(), nn.LayerNorm(8)),
        {"Gemm": 1, "Gelu": 1, "LayerNormalization": 1},
    ),
    "hard swish": (
        nn.Sequential(nn.Linear(8, 8), nn.Hardswish(), nn.Hardsigmoid()),
        {"Gemm": 1, "HardSwish": 1, "HardSigmoid": 1},
    ),
    "silu": (nn.Sequential(nn.Linear(8, 8), nn.SiLU(), nn.ReLU6()), {"Gemm": 1, "Swish": 1, "Clip": 1}),
}


@pytest.mark.parametrize(("module", "expected"), MODULES.values(), ids=MODULES.keys())
@pytest.mark.parametrize("opset", [11, 13, 17])
def test_what_torch_exports_at_older_opsets(module, expected, opset):
    import warnings

    onnx_import = pytest.importorskip("lissom.ir.importers.onnx", reason="needs the ONNX importer")
    from lissom.passes.runner import run

    buffer = io.BytesIO()
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        torch.onnx.export(module.eval(), (torch.zeros(2, 8),), buffer, opset_version=opset, dynamo=False)
    graph = run("fold", onnx_import.load(buffer.getvalue()))
    assert Counter(op.op_type for op in graph.ops) == expected
