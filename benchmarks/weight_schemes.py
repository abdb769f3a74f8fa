"""Weights of few values on Fashion-MNIST: what each scheme keeps of the accuracy, and how many bytes it takes.

    python -m benchmarks.weight_schemes [--network lenet5] [--seeds 1] [--only NAME ...] [--write]

The networks are those of examples/, trained on all 60,000 training images; every scheme goes on from there, on the same
images, with labels and the float network as teacher. Accuracy is on the whole test set, of the encoded graph. Bytes are
those of the constants of that graph, and of the weights unit of its C code. Seconds are processor time. One thread.
``--write`` puts the table into docs/results.md, line by line as it is measured; rows that are not stay as they are.
"""

from __future__ import annotations

import argparse
import tempfile
import time

import numpy as np
import torch

import lissom as ls
from benchmarks import sections
from examples import fashion_mnist, networks
from lissom.passes.report import Size

SCHEMES = {
    "float": "",
    "BinaryConnect": "binary_connect({how}, epochs=16, lr=0.015), encode",
    "codebook, 4 bits, no training": "cluster",
    "codebook, 4 bits": "share({how}, lr=0.0005)",
    "INQ, 5 bits": "inq({how}, lr=0.0005), encode",
    "ternary": "twn({how}, epochs=4, lr=0.002), encode",
    "BNN, first and last float": "bnn({how}, epochs=8, lr=0.015, exclude=[first, last]), encode",
    "80 % pruned": "finetune({how}, lr=0.001, sparsity=0.8), apply_masks, encode",
    "80 % pruned, codebook, 4 bits": "finetune({how}, lr=0.001, sparsity=0.8), share({how}, lr=0.0005)",
    "BinaryConnect, first and last float": "binary_connect({how}, epochs=4, lr=0.015, exclude=[first, last]), encode",
    "codebook, 2 bits": "share({how}, epochs=2, lr=0.0005, bits=2)",
}
"""Pipelines by name: what they do not say is one epoch, or one after each step of INQ."""


def accuracy(graph: ls.Graph, x: np.ndarray, y: np.ndarray) -> float:
    """Top-1 accuracy under the interpreter."""
    right = 0
    for i in range(0, len(x), 1000):
        (logits,) = ls.evaluate(graph, x[i : i + 1000])
        right += int((logits.argmax(1) == y[i : i + 1000]).sum())
    return right / len(x)


def c_bytes(graph: ls.Graph) -> int:
    """Bytes of constants in the C code."""
    with tempfile.TemporaryDirectory() as folder:
        ls.emit(graph.bind({"N": 1}), f"{folder}/c", target="portable")
        return int(ls.Artifact(f"{folder}/c").report["artifact"]["weight_bytes"])


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--network", default="lenet5", choices=networks.NETWORKS)
    parser.add_argument("--batch", type=int, default=128)
    parser.add_argument("--seeds", type=int, default=1)
    parser.add_argument("--only", nargs="+", metavar="NAME", choices=SCHEMES, default=list(SCHEMES))
    parser.add_argument("--write", action="store_true", help="update docs/results.md")
    options = parser.parse_args()
    torch.set_num_threads(1)
    x, y = fashion_mnist.read("train")
    test = fashion_mnist.read("test")
    graph = ls.load(networks.FOLDER / f"{options.network}.onnx")
    how = f"batch={options.batch}, batch_norm=batch"
    section = f"weight-schemes-{options.network}"
    rows = {row[0]: row for row in sections.rows("results.md", section)} if options.write else {}
    for name in options.only:
        pipeline = SCHEMES[name].format(how=how)
        scores, began = [], time.process_time()
        for seed in range(options.seeds if "batch" in pipeline else 1):
            result = ls.run(pipeline, graph, data=[{"x": x, "y": y}], seed=seed)
            scores.append(accuracy(result, *test))
        seconds = (time.process_time() - began) / len(scores)
        size = [f"{Size.of(result).bytes:,}", f"{c_bytes(result):,}"]
        text = f"`{pipeline}`" if pipeline else ""
        rows[name] = [name, text, ", ".join(f"{a:.2%}" for a in scores), *size, f"{seconds:.0f}"]
        print(" | ".join(rows[name]), flush=True)
        if options.write:
            sections.write("results.md", section, table(options, [rows[n] for n in SCHEMES if n in rows]))


def table(options: argparse.Namespace, rows: list[list[str]]) -> list[str]:
    """The section of docs/results.md."""
    headings = ["scheme", "pipeline", "top-1, 10,000 test images", "bytes", "bytes in C", "seconds"]
    missing = [name for name in SCHEMES if name not in [row[0] for row in rows]]
    command = f"python -m benchmarks.weight_schemes --network {options.network} --write"
    return [
        f"## Weight schemes on {options.network}",
        "",
        f"`{command}`, with `--seeds` for those of a row, one number a seed from 0 on; one epoch where nothing else is "
        "said, with the float network as teacher:",
        "",
        *sections.markdown(headings, rows),
        *(["", f"Not measured yet: {'; '.join(missing)}."] if missing else []),
    ]


if __name__ == "__main__":
    main()
