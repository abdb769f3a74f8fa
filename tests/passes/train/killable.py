"""A training run for processes that are killed; importing it is all the preparation a fork needs."""

from __future__ import annotations

import torch

import lissom as ls
from lissom.passes.registry import find_pass

STEPS = 3 * 29
"""Of the run: 230 of 256 samples, since early stopping holds out a tenth, in batches of 8."""

find_pass("distill")  # imports every pass


def train(model: str, data: str, out: str, folder: str | None) -> None:
    """Mask, learn again with a checkpoint after every step, and write ONNX."""
    torch.set_num_threads(1)
    extra = "" if folder is None else f", checkpoint='{folder}', every=0"
    pipeline = f"fold, mask(0.5), distill(epochs=3, batch=8, lr=0.005, patience=3{extra})"
    ls.save(ls.run(pipeline, ls.load(model), data=data), out)
