"""LSTM, GRU and RNN nodes, taken apart into steps, against onnxruntime and against the onnx reference evaluator."""

from __future__ import annotations

import re
from typing import Any

import numpy as np
import onnx
import onnx.reference
import onnxruntime
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from onnx import helper as h
from onnx import numpy_helper

import lissom as ls
from lissom.backends.onnx import to_proto
from lissom.ir.ops.opaque import Opaque

GATES = {"LSTM": 4, "GRU": 3, "RNN": 1}
rng = np.random.default_rng(0)


def normal(*shape: int) -> np.ndarray:
    return rng.standard_normal(shape).astype(np.float32)


def network(
    kind: str, *, opset: int = 14, t: int = 3, n: int = 2, i: int = 4, hidden: int = 5, bias: bool = True,
    states: bool = False, peepholes: bool = False, lengths: list[int] | None = None,
    outputs: list[str] | None = None, free: bool = False, **attributes: Any,
) -> tuple[onnx.ModelProto, dict[str, np.ndarray]]:  # fmt: skip
    """A model of one node, all of whose weights are initializers, and inputs for it."""
    d, units = 2 if attributes.get("direction") == "bidirectional" else 1, GATES[kind] * hidden
    batch_first = attributes.get("layout", 0)
    held = {"w": normal(d, units, i), "r": normal(d, units, hidden) / 2}
    if bias:
        held["b"] = normal(d, 2 * units)
    if lengths:
        held["lengths"] = np.array(lengths, np.int32)
    if peepholes:
        held["p"] = normal(d, 3 * hidden)
    feed = {"x": normal(*((n, t, i) if batch_first else (t, n, i)))}
    if states:
        for name in ("h", "c")[: 2 if kind == "LSTM" else 1]:
            feed[name] = normal(*((n, d, hidden) if batch_first else (d, n, hidden)))
    names = [name if name in held or name in feed else "" for name in ("x", "w", "r", "b", "lengths", "h", "c", "p")]
    while not names[-1]:
        names.pop()
    outputs = outputs or ["y", "y_h", "y_c"][: 3 if kind == "LSTM" else 2]
    node = h.make_node(kind, names, outputs, name="cell", hidden_size=hidden, **attributes)
    shapes = {k: list(v.shape) for k, v in feed.items()} | ({"x": ["steps", n, i]} if free else {})
    graph = h.make_graph(
        [node],
        "g",
        [h.make_tensor_value_info(k, onnx.TensorProto.FLOAT, s) for k, s in shapes.items()],
        [h.make_tensor_value_info(o, onnx.TensorProto.FLOAT, None) for o in outputs if o],
        [numpy_helper.from_array(v, k) for k, v in held.items()],
    )
    made = h.make_model(graph, opset_imports=[h.make_opsetid("", opset)], ir_version=10)
    return onnx.shape_inference.infer_shapes(made), feed


def run(model: onnx.ModelProto, feed: dict[str, np.ndarray]) -> list[np.ndarray]:
    if any(a.name == "layout" and a.i for a in model.graph.node[0].attribute):  # which onnxruntime refuses
        return list(onnx.reference.ReferenceEvaluator(model).run(None, feed))
    session = onnxruntime.InferenceSession(model.SerializeToString(), providers=["CPUExecutionProvider"])
    return list(session.run(None, feed))


def check(model: onnx.ModelProto, feed: dict[str, np.ndarray]) -> None:
    """Same results, and written again as the node it was."""
    graph = ls.load(model)
    assert not any(isinstance(op, Opaque) for op in graph.ops)
    close(ls.evaluate(graph, *feed.values()), run(model, feed))
    assert to_proto(graph) == model


def close(found: list[np.ndarray], expected: list[np.ndarray]) -> None:
    for a, b in zip(found, expected, strict=True):
        np.testing.assert_allclose(a, b, rtol=1e-4, atol=1e-5)


@settings(deadline=None)
@given(
    kind=st.sampled_from(sorted(GATES)),
    opset=st.sampled_from([7, 14, 22]),
    t=st.integers(2, 5),
    n=st.integers(1, 3),
    i=st.integers(1, 4),
    hidden=st.integers(1, 5),
    direction=st.sampled_from(["forward", "reverse", "bidirectional"]),
    bias=st.booleans(),
    states=st.booleans(),
    after=st.booleans(),
    clip=st.sampled_from([0.0, 0.2]),
)
def test_any_shape(kind: str, after: bool, clip: float, **given: Any) -> None:
    extra: dict[str, Any] = {"linear_before_reset": int(after)} if kind == "GRU" else {}
    check(*network(kind, **given, **extra, **({"clip": clip} if clip else {})))


BOTH = {"direction": "bidirectional"}
SIX = ["Sigmoid", "Tanh", "Tanh", "HardSigmoid", "Relu", "Softsign"]


@pytest.mark.parametrize(
    ("kind", "given"),
    [
        *((k, {"layout": 1, "states": True, "direction": "reverse"}) for k in GATES),
        *((k, {"outputs": ["", "y_h"]}) for k in GATES),
        *((k, {"outputs": ["y"], **BOTH}) for k in GATES),
        *(("RNN", {"activations": [f]}) for f in ("Relu", "LeakyRelu", "Elu", "HardSigmoid", "Softsign", "Softplus")),
        *(
            ("RNN", {"activations": [f], "activation_alpha": [0.3], "activation_beta": [0.7]})
            for f in ("Affine", "ScaledTanh", "HardSigmoid", "ThresholdedRelu")
        ),
        ("LSTM", {"activations": SIX, "activation_alpha": [0.3], "activation_beta": [0.4], **BOTH}),
        ("LSTM", {"peepholes": True}),
        ("LSTM", {"peepholes": True, "states": True, "clip": 0.2, **BOTH}),
        ("LSTM", {"input_forget": 1}),
    ],
)
def test_attributes(kind: str, given: dict[str, Any]) -> None:
    check(*network(kind, **given))


@pytest.mark.parametrize("kind", GATES)
@pytest.mark.parametrize("given", [{"t": 1}, {"t": 1, **BOTH}, {"lengths": [3, 3]}])
def test_inputs_that_no_step_reads(kind: str, given: dict[str, Any]) -> None:
    check(*network(kind, **given))


@pytest.mark.parametrize("kind", GATES)
def test_folded_and_written_in_steps(kind: str) -> None:
    model, feed = network(kind, t=4, states=True)
    graph = ls.run("fold", ls.load(model))
    assert all(c.trainable for c in graph.consts if c.type.dtype.is_float)
    weights = sum(c.data.nbytes for c in graph.consts)
    written = to_proto(graph)
    close(run(written, feed), run(model, feed))
    assert written.ByteSize() < 2 * weights + 20000, "the weights stand there once, not once a step"


def test_what_has_no_meaning_says_why() -> None:
    model, feed = network("LSTM", free=True)
    graph = ls.load(model)
    with pytest.raises(ls.Error, match=re.escape("'steps' steps") + "|" + re.escape("steps steps")):
        ls.evaluate(graph, *feed.values())
    with pytest.raises(ls.Error, match=re.escape("load(..., sizes={'steps': 16})")):
        ls.emit(graph, "out/never")
    bound = ls.load(model, sizes={"steps": 3})
    close(ls.evaluate(bound, *feed.values()), run(model, feed))
    uneven, feed = network("GRU", lengths=[3, 2])
    with pytest.raises(ls.Error, match="may end at different steps"):
        ls.evaluate(ls.load(uneven), *feed.values())
    unknown, feed = network("RNN", activations=["Affine"])
    with pytest.raises(ls.Error, match="'Affine' without its alpha"):
        ls.evaluate(ls.load(unknown), *feed.values())
