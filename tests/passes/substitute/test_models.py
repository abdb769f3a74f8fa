"""Real networks that nobody has the PyTorch source of: cheaper by every method and block, and onnxruntime agrees."""

from __future__ import annotations

import os
from pathlib import Path

import onnxruntime
import pytest
import torch

import lissom as ls
from lissom.backends.onnx import to_proto
from lissom.passes.check import random_feed
from lissom.passes.compare import relative_error

torch.set_num_threads(1)
ROOT = Path(__file__).parents[3]
SHARED = Path(os.environ.get("LISSOM_SHARED", ROOT.parent / "shared")) / "data" / "models"

CASES = {
    "mlptiny_kws_dscnn": ["factorize(tucker, macs=0.6)", "substitute(grouped_shuffle)"],
    "micro_kws_m_fp32": ["factorize(cp, macs=0.6)", "substitute(depthwise_separable)", "substitute(inverted_residual)"],
    "mtcnn_rnet": ["factorize(spatial_svd, macs=0.6)", "substitute(bottleneck)"],
    "oww_embedding_model": ["substitute(ghost)"],  # ends with two columns and no padding
    "mlptiny_ad_autoencoder": ["factorize(svd, params=0.5)"],
}


@pytest.mark.skipif(not SHARED.is_dir(), reason=f"needs the models in {SHARED}; LISSOM_SHARED names another folder")
@pytest.mark.parametrize(("name", "pipeline"), [(n, p) for n, pipelines in CASES.items() for p in pipelines])
def test_raw_files_become_cheaper(name: str, pipeline: str) -> None:
    graph = ls.load(SHARED / f"{name}.onnx")
    before = ls.run("fold", graph)
    after = ls.run(f"{pipeline}, fold", graph)
    assert after.cost().params < before.cost().params
    assert after.bind({"N": 1}).cost().macs <= before.bind({"N": 1}).cost().macs
    assert [o.type.dtype for o in after.outputs] == [o.type.dtype for o in before.outputs]
    feed = random_feed(after, 32, 0)
    session = onnxruntime.InferenceSession(to_proto(after).SerializeToString(), providers=["CPUExecutionProvider"])
    theirs = session.run(None, {i.name: feed[i.name] for i in session.get_inputs()})
    for ours, expected in zip(ls.evaluate(after, *feed.values()), theirs, strict=True):
        assert ours.shape == expected.shape
        assert relative_error(expected, ours) < 1e-4
