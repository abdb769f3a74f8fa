"""Every sample computes what onnxruntime computes; where that has no kernel, what ONNX's reference evaluator does."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import onnx
import onnxruntime as ort
import pytest
from onnx.reference import ReferenceEvaluator

from lissom.backends.onnx import to_proto
from lissom.ir.interpreter import evaluate
from lissom.ir.op import OPS, Op
from lissom.ir.ops import LRN, MaxUnpool, OneHot, Resize
from lissom.ir.samples import sample_feed, sample_graph, sample_sizes
from lissom.ir.types import Array, DType

OWN_TESTS = {
    "Binarize": "ops/test_few_values.py",
    "Codebook": "ops/test_few_values.py",
    "FakeQuant": "passes/quantize/test_quantize.py",
    "FoldBatchNormalization": "passes/quantize/test_training_aware.py",
    "Lookup": "ops/test_integer_ops.py",
    "LookupChannels": "ops/test_integer_ops.py",
    "Mask": "ops/test_integer_ops.py",
    "QLinearAdd": "ops/test_integer_ops.py",
    "QLinearAveragePool": "ops/test_integer_ops.py",
    "QLinearConvTranspose": "ops/test_integer_ops.py",
    "QLinearGemm": "ops/test_integer_ops.py",
    "QLinearGlobalAveragePool": "ops/test_integer_ops.py",
    "QLinearLayerNormalization": "ops/test_integer_ops.py",
    "QLinearMul": "ops/test_integer_ops.py",
    "QLinearReduceMean": "ops/test_integer_ops.py",
    "QLinearResize": "ops/test_integer_ops.py",
    "QLinearSoftmax": "ops/test_integer_ops.py",
    "QLinearSub": "ops/test_integer_ops.py",
    "Sparse": "ops/test_sparse.py",
    "Ternarize": "ops/test_few_values.py",
}
"""Ops ONNX does not have, and the file under ``tests`` that checks each against something else."""

TOLERANCE = {"float64": 1e-7, "float32": 1e-5, "float16": 4e-3, "bfloat16": 3e-2}
"""Relative to the largest element of a result, by dtype; everything else must be equal."""


def runtime_fault(op: Op) -> str | None:
    """Why onnxruntime is not to be believed about ``op``, so that the reference evaluator is asked instead."""
    if any(r.type.dtype.numpy.isbuiltin != 1 for r in op.results):
        return "its Python interface hands other than numpy's own dtypes over as bytes"
    if isinstance(op, MaxUnpool) and op.output_shape is not None:
        return "onnxruntime counts indices in the shape asked for, ONNX's node case in the one that was pooled"
    return None


def no_oracle(op: Op) -> str | None:
    """Why neither can say what ``op`` computes."""
    match op:
        case LRN() if op.x.type.rank != 4:
            return "both take tensors with four axes only"
        case Resize(axes=tuple() as axes) if op.keep_aspect_ratio_policy != "stretch" and any(a < 0 for a in axes):
            return (
                "onnxruntime 1.31 keeps another axis's ratio for negative axes, the reference evaluator fails on them"
            )
        case OneHot() if op.type.dtype is DType.bool:
            return "onnxruntime has no kernel for bools, and the reference evaluator subtracts them"
    return None


def runtime_session(proto: onnx.ModelProto) -> ort.InferenceSession | None:
    """A session, or None where onnxruntime has no kernel for the op or the dtype."""
    options = ort.SessionOptions()
    options.intra_op_num_threads = 1
    options.log_severity_level = 4
    options.graph_optimization_level = ort.GraphOptimizationLevel.ORT_DISABLE_ALL
    try:
        return ort.InferenceSession(proto.SerializeToString(), options, providers=["CPUExecutionProvider"])
    except Exception:  # NotImplemented, InvalidGraph and Fail, which share no base class
        return None


def by_onnx(proto: onnx.ModelProto, feed: dict[str, Array], runtime: bool) -> list[Any]:
    """What ONNX says the model computes."""
    standard = all(a.dtype.isbuiltin == 1 for a in feed.values())
    session = runtime_session(proto) if standard and runtime else None
    if session is not None:
        try:
            return list(session.run(None, feed))
        except Exception:  # it finds only here that it lacks a case, or that numpy lacks the dtype of a result
            pass
    return list(ReferenceEvaluator(proto).run(None, feed))


def applies(sample: Op) -> bool:
    """Whether ONNX has the op."""
    return sample.op_type not in OWN_TESTS


def test_run_equals_onnx(sample: Op) -> None:
    if reason := no_oracle(sample):
        pytest.skip(reason)
    sizes = sample_sizes(sample)
    graph = sample_graph(sample, sizes)
    feed = sample_feed(sample, sizes)
    named = {i.name: a for i, a in zip(graph.inputs, feed, strict=True)}
    expected = by_onnx(to_proto(graph), named, runtime=runtime_fault(sample) is None)
    for ours, theirs in zip(evaluate(graph, *feed), expected, strict=True):
        theirs = np.asarray(theirs)
        assert (ours.dtype, ours.shape) == (theirs.dtype, theirs.shape)
        tolerance = TOLERANCE.get(ours.dtype.name)
        if tolerance is None:
            assert ours.tobytes() == theirs.tobytes() or np.array_equal(ours, theirs)
        else:
            a, b = ours.astype(np.float64), theirs.astype(np.float64)
            scale = np.max(np.abs(b[np.isfinite(b)]), initial=1.0)
            np.testing.assert_allclose(a, b, rtol=tolerance, atol=tolerance * scale)


def test_ops_without_oracle_have_their_own_tests() -> None:
    assert OWN_TESTS.keys() == {name for name, cls in OPS.items() if cls.domain == "lissom"}
    tests = Path(__file__).parents[1]
    for name, file in OWN_TESTS.items():
        assert name in (tests / file).read_text(), f"tests/{file} does not check {name}"
