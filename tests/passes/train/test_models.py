"""Raw ONNX files learn too: every parameter of a real network moves back towards the network it was."""

from __future__ import annotations

import os
from pathlib import Path

import numpy as np
import pytest

import lissom as ls
from lissom.passes.check import random_feed
from lissom.passes.notes import collecting
from lissom.passes.train import distill
from lissom.passes.train.network import trainable

ROOT = Path(__file__).parents[3]
SHARED = Path(os.environ.get("LISSOM_SHARED", ROOT.parent / "shared")) / "data" / "models"
SIZES = {"ppocr_cls": 96}
NAMES = (
    "mlptiny_kws_dscnn_float",
    "mlptiny_vww_mbv1_025",
    "mlptiny_ad_autoencoder",
    "cifar10_resnet20",
    "mtcnn_onet",
    "ppocr_cls",
    "oww_embedding_model",
    "mnist_onnxmlir",
)


@pytest.mark.skipif(not SHARED.is_dir(), reason=f"needs the models in {SHARED}; LISSOM_SHARED names another folder")
@pytest.mark.parametrize("name", NAMES)
def test_a_real_network_learns_what_it_was(name: str) -> None:
    teacher = ls.load(SHARED / f"{name}.onnx")
    student = teacher.clone()
    for c in trainable(student):
        if c.data.ndim > 1:
            student.replace(c, c.replace((c.data * 1.05).astype(c.data.dtype)))
    before = {c.name: c.data for c in trainable(student)}
    data = [random_feed(teacher, SIZES.get(name, 4), 0)]
    with collecting() as tables:
        distill(student, data=data, epochs=12, lr=3e-5, loss="outputs", decay=0.0, teacher=teacher)
    assert all(not np.array_equal(before[c.name], c.data) for c in trainable(student))
    losses = [row["loss"] for row in tables["training"]]
    assert min(losses[-3:]) < losses[0]
