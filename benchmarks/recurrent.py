"""Recurrent networks through the chain: an LSTM and a GRU that read an image of Fashion-MNIST row by row.

    python -m benchmarks.recurrent [--epochs 3] [--target native] [--only LSTM GRU] [--write]

Each is trained here (64 units, 28 steps of 28 values, Adam under a one-cycle schedule, one seed) and exported by
PyTorch as one LSTM or GRU node, which is what onnxruntime runs. What trains again does so on the 1,000 images that are
calibrated on. Accuracy is that of the emitted C on the whole test set; weights are its bytes of constants, code its
bytes of machine code; "compile" is emission, the compiler and that test, in seconds. Times are for one image on one
thread, the best of many runs. The table goes into docs/results.md.
"""

from __future__ import annotations

import argparse
import tempfile
import time
import warnings
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import onnxruntime
import torch
import torch.nn.functional as F
from torch import Tensor, nn

import lissom as ls
from benchmarks import sections
from benchmarks.networks import DATA, fastest_run
from examples import fashion_mnist
from lissom.passes.report import Size

SEED = 7
LEARN = "epochs=2, lr=0.003, batch=128"
PIPELINES = {
    "float": "fold",
    "int8": "fold, quantize(int8)",
    "half the units": f"fold, prune(channels, 0.5), distill({LEARN})",
    "half the units, int8": f"fold, prune(channels, 0.5), distill({LEARN}), quantize(int8)",
    "75 % zeros, int8": f"fold, sparsify(0.75), finetune({LEARN}), quantize(int8)",
    "int8, trained": "fold, quantize(int8, qat=true, epochs=1, lr=0.0005, batch=128)",
}
HEADINGS = ["network", "what", "top-1", "MACs", "weights", "code", "compile", "us in C", "us onnxruntime", "pipeline"]


class Rows(nn.Module):
    """A layer over the 28 rows of an image, and a linear layer on its last output."""

    def __init__(self, kind: str, units: int = 64) -> None:
        super().__init__()
        self.layer = getattr(nn, kind)(28, units, batch_first=True)
        self.head = nn.Linear(units, 10)

    def forward(self, x: Tensor) -> Tensor:
        y: Tensor = self.head(self.layer(x.reshape(-1, 28, 28))[0][:, -1])
        return y


def train(kind: str, x: Tensor, y: Tensor, epochs: int, batch: int = 128) -> Rows:
    """The network after ``epochs`` over all images."""
    torch.manual_seed(SEED)
    network = Rows(kind)
    optimizer = torch.optim.Adam(network.parameters())
    schedule = torch.optim.lr_scheduler.OneCycleLR(optimizer, 6e-3, total_steps=epochs * (len(x) // batch))
    for _ in range(epochs):
        for chosen in torch.randperm(len(x)).split(batch)[: len(x) // batch]:
            optimizer.zero_grad()
            F.cross_entropy(network(x[chosen]), y[chosen]).backward()
            optimizer.step()
            schedule.step()
    return network.eval()


def export(network: Rows, path: Path) -> None:
    """Write the network as ONNX, with batch N."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        torch.onnx.export(
            network,
            (torch.zeros(2, 1, 28, 28),),
            path,
            dynamo=False,
            opset_version=17,
            input_names=["x"],
            output_names=["logits"],
            dynamic_axes={"x": {0: "N"}, "logits": {0: "N"}},
        )


def measure(kind: str, path: Path, target: str, only: list[str]) -> Iterator[list[str]]:
    """A row for each pipeline."""
    x, y = fashion_mnist.read("test")
    peer = fastest_run(path, x[:1], at_least=3.0)
    for what in only:
        graph = ls.run(
            PIPELINES[what], ls.load(path), data=str(DATA / "fashion_mnist_calib.npz"), seed=SEED, target=target
        )
        with tempfile.TemporaryDirectory() as folder:
            began = time.perf_counter()
            facts = ls.emit(graph, Path(folder, "out"), target=target)["artifact"]
            artifact = ls.Artifact(Path(folder, "out"))
            (logits,) = artifact.run(x)
            seconds = time.perf_counter() - began
            took = artifact.time(x[:1], at_least=3.0)
        yield [
            kind,
            what,
            f"{(logits.argmax(1) == y).mean():.2%}",
            f"{Size.of(graph).macs:,}",
            f"{facts['weight_bytes']:,}",
            f"{facts['code_bytes']:,}",
            f"{seconds:.1f} s",
            f"{1e6 * took:.1f}",
            f"{1e6 * peer:.1f}",
            f"`{PIPELINES[what]}`",
        ]


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--epochs", type=int, default=3)
    parser.add_argument("--target", default="native")
    parser.add_argument("--only", nargs="+", choices=["LSTM", "GRU"], default=["LSTM", "GRU"])
    parser.add_argument("--rows", nargs="+", metavar="WHAT", choices=PIPELINES, default=list(PIPELINES))
    parser.add_argument("--work", type=Path, help="where trained networks are kept, so that they are trained once")
    parser.add_argument("--write", action="store_true", help="put the table into docs/results.md")
    options = parser.parse_args()
    torch.set_num_threads(1)
    x, y = map(torch.from_numpy, fashion_mnist.read("train"))
    rows = []
    with tempfile.TemporaryDirectory() as folder:
        for kind in options.only:
            path = Path(options.work or folder, f"{kind}.onnx")
            if not path.exists():
                export(train(kind, x, y, options.epochs), path)
            for row in measure(kind, path, options.target, options.rows):
                rows.append(row)
                print(*row, sep="  ", flush=True)
    said = (
        f"`python -m benchmarks.recurrent --epochs {options.epochs} --target {options.target}`: 10,000 test images, "
        f"one seed; onnxruntime {onnxruntime.__version__}, float, with its own kernel for the layer; PyTorch "
        f"{torch.__version__}, numpy {np.__version__}."
    )
    table = [said, "", *sections.markdown(HEADINGS, rows)]
    print("", *table, sep="\n")
    if options.write:
        sections.write("results.md", "recurrent", table)


if __name__ == "__main__":
    main()
