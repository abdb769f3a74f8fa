"""Trains the networks of this folder, exports them to ONNX, and writes the accuracy table in README.md.

    python -m examples.train                  every network that has no files yet
    python -m examples.train resnet8 --again  this one, even though it has

Needs the Debian package dataset-fashion-mnist and ``pip install onnxscript``. One thread and a fixed seed make a run
repeatable on one machine. Six networks take about three quarters of an hour of one core.
"""

from __future__ import annotations

import argparse
import time
import warnings
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import onnx
import onnxruntime
import torch
import torch.nn.functional as F
from torch import Tensor, nn

from examples import fashion_mnist, networks

SEED = 7


@dataclass(frozen=True)
class Recipe:
    """How a network is trained: AdamW under a one-cycle schedule, images flipped and shifted at random."""

    epochs: int
    rate: float
    shift: int = 1
    decay: float = 0.02
    batch: int = 128


RECIPES = {
    "lenet300": Recipe(epochs=12, rate=1.5e-3, shift=0),
    "lenet5": Recipe(epochs=14, rate=4e-3),
    "resnet8": Recipe(epochs=14, rate=1e-2, shift=2),
    "vgg": Recipe(epochs=8, rate=6e-3, shift=1),
    "dscnn": Recipe(epochs=11, rate=8e-3),
    "vit": Recipe(epochs=8, rate=2e-3),
}


def augment(x: Tensor, shift: int, rng: torch.Generator) -> Tensor:
    """Each image flipped left to right with probability 1/2, and moved by up to ``shift`` pixels along each axis."""
    n = len(x)
    x = torch.where(torch.rand(n, 1, 1, 1, generator=rng) < 0.5, x.flip(3), x)
    if not shift:
        return x
    black = -fashion_mnist.MEAN / fashion_mnist.STD
    x = F.pad(x, (shift,) * 4, value=black)
    rows, columns = (torch.randint(2 * shift + 1, (n, 1), generator=rng) + torch.arange(28) for _ in "yx")
    return x[torch.arange(n)[:, None, None], 0, rows[:, :, None], columns[:, None, :]][:, None]


def train(name: str, x: Tensor, y: Tensor) -> nn.Module:
    """A network trained by its recipe, in eval mode."""
    recipe = RECIPES[name]
    torch.manual_seed(SEED)
    rng = torch.Generator().manual_seed(SEED)
    model = networks.NETWORKS[name]().to(memory_format=torch.channels_last)
    optimizer = torch.optim.AdamW(model.parameters(), weight_decay=recipe.decay)
    steps = recipe.epochs * (len(x) // recipe.batch)
    schedule = torch.optim.lr_scheduler.OneCycleLR(optimizer, recipe.rate, total_steps=steps)
    for epoch in range(recipe.epochs):
        began, total = time.perf_counter(), 0.0
        batches = torch.randperm(len(x), generator=rng).split(recipe.batch)[: len(x) // recipe.batch]
        for chosen in batches:
            images = augment(x[chosen], recipe.shift, rng).contiguous(memory_format=torch.channels_last)
            with torch.autocast("cpu", torch.bfloat16):
                loss = F.cross_entropy(model(images), y[chosen])
            optimizer.zero_grad()
            loss.backward()
            optimizer.step()
            schedule.step()
            total += loss.item()
        seconds = time.perf_counter() - began
        print(
            f"{name}: epoch {epoch + 1}/{recipe.epochs}, loss {total / len(batches):.4f}, {seconds:.0f} s", flush=True
        )
    return model.to(memory_format=torch.contiguous_format).eval()


def export(name: str, model: nn.Module) -> None:
    """Write NAME.npz, the state dict, and NAME.onnx, with batch N and nothing folded."""
    state = {k: np.ascontiguousarray(v.numpy()) for k, v in model.state_dict().items()}
    np.savez_compressed(networks.FOLDER / f"{name}.npz", **state)
    path = networks.FOLDER / f"{name}.onnx"
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", DeprecationWarning)
        torch.onnx.export(
            model,
            (torch.zeros(2, 1, 28, 28),),
            path,
            dynamo=False,
            opset_version=17,
            input_names=["x"],
            output_names=["logits"],
            dynamic_axes={"x": {0: "N"}, "logits": {0: "N"}},
            training=torch.onnx.TrainingMode.PRESERVE,  # keeps BatchNormalization, which EVAL merges into Conv
            do_constant_folding=False,
        )
    onnx.checker.check_model(path, full_check=True)


def accuracy(path: Path, x: np.ndarray, y: np.ndarray) -> float:
    """Top-1 accuracy under onnxruntime."""
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = 1
    session = onnxruntime.InferenceSession(path, options, providers=["CPUExecutionProvider"])
    right = 0
    for i in range(0, len(x), 500):
        (logits,) = session.run(None, {"x": x[i : i + 500]})
        right += int((logits.argmax(1) == y[i : i + 500]).sum())
    return right / len(x)


def write_table(folder: Path) -> None:
    """Measure every network that has files on the whole test set, and put the table into README.md."""
    x, y = fashion_mnist.read("test", folder)
    rows = ["| network | file | parameters | epochs | seed | accuracy |", "|---|---|---:|---:|---:|---:|"]
    for name, build in networks.NETWORKS.items():
        path = networks.FOLDER / f"{name}.onnx"
        if path.exists():
            params = sum(p.numel() for p in build().parameters())
            score = f"{100 * accuracy(path, x, y):.2f} %"
            title = build.__name__
            rows.append(f"| {title} | `{name}.onnx` | {params:,} | {RECIPES[name].epochs} | {SEED} | {score} |")
    readme = networks.FOLDER / "README.md"
    before, begin, rest = readme.read_text().partition("<!-- accuracy -->\n")
    _, end, after = rest.partition("<!-- end -->")
    readme.write_text(before + begin + "\n".join(rows) + "\n" + end + after)
    print("\n".join(rows))


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("names", nargs="*", metavar="NAME", help=f"of {', '.join(networks.NETWORKS)}; default all")
    parser.add_argument("--again", action="store_true", help="train networks that have files already")
    parser.add_argument(
        "--data", type=Path, default=fashion_mnist.DEBIAN_FOLDER, help="folder of the four idx.gz files"
    )
    options = parser.parse_args()
    if unknown := set(options.names) - set(networks.NETWORKS):
        parser.error(f"no such network: {', '.join(sorted(unknown))}; there are {', '.join(networks.NETWORKS)}")
    torch.set_num_threads(1)
    x, y = map(torch.from_numpy, fashion_mnist.read("train", options.data))
    for name in options.names or networks.NETWORKS:
        if options.again or not (networks.FOLDER / f"{name}.npz").exists():
            export(name, train(name, x, y))
    write_table(options.data)


if __name__ == "__main__":
    main()
