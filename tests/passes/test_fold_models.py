"""``fold`` on real exports: the same as onnxruntime on the file, and nothing left that it is there to remove."""

from __future__ import annotations

import os
from pathlib import Path

import numpy as np
import onnxruntime as ort
import pytest

from lissom.ir.errors import Unsupported
from lissom.ir.importers.onnx import load
from lissom.ir.interpreter import evaluate
from lissom.passes.check import random_feed
from lissom.passes.explain import explain
from lissom.passes.runner import run

ROOT = Path(__file__).parents[2]
SHARED = Path(os.environ.get("LISSOM_SHARED", ROOT.parent / "shared")) / "data" / "models"
OURS = sorted((ROOT / "examples").rglob("*.onnx"))
THEIRS = sorted(SHARED.glob("*.onnx"))
SIZES = {"ppocr_cls": 96, "ppocrv4_det": 64, "mtcnn_pnet": 24}
"""For models whose image size is free, one that fits through their strides."""


def session(path: Path) -> ort.InferenceSession:
    options = ort.SessionOptions()
    options.intra_op_num_threads = options.inter_op_num_threads = 1
    options.graph_optimization_level = ort.GraphOptimizationLevel.ORT_DISABLE_ALL
    options.log_severity_level = 3
    return ort.InferenceSession(str(path), options, providers=["CPUExecutionProvider"])


@pytest.mark.skipif(not THEIRS, reason=f"needs the models in {SHARED}; set LISSOM_SHARED to a folder with data/models")
def test_the_real_models_are_there():
    assert len(THEIRS) >= 20


@pytest.mark.parametrize("path", OURS + THEIRS, ids=lambda p: p.stem)
def test_equal_to_onnxruntime(path):
    graph = load(path)
    feed = random_feed(graph, SIZES.get(path.stem, 4), seed=1)
    try:
        got = evaluate(run("fold", graph), *feed.values())
    except Unsupported as e:
        pytest.skip(f"the interpreter has no meaning for it yet: {str(e).splitlines()[0]}")
    expected = session(path).run(None, feed)
    for a, b in zip(expected, got, strict=True):
        # onnxruntime's Sigmoid is off by 1e-7 in absolute terms, which shows where all outputs are small.
        bound = 1e-4 * np.abs(a).max(initial=0) + 1e-6
        np.testing.assert_allclose(b, a, rtol=0, atol=bound)


REMOVED = {"BatchNormalization", "Identity", "Dropout", "Shape", "ConstantOfShape", "Expand"}


@pytest.mark.parametrize("path", OURS + THEIRS, ids=lambda p: p.stem)
def test_what_is_left_has_a_reason(path):
    graph = run("fold", load(path), check=False)
    left = [op for op in graph.ops if op.op_type in REMOVED]
    explained = str(explain("fold", graph))
    for op in left:
        assert op.describe() in explained
