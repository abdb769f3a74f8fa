"""What a network keeps of its accuracy when half of its weights are zero, without training: patterns by criteria.

    python -m benchmarks.sparsity_accuracy [--network resnet8] [--patterns ...] [--criteria ...] [--write]

Accuracy is that of the interpreter on the 2,000 test images of examples/data; data-driven criteria see the calibration
images there. ``--write`` puts the table into docs/sparsity.md.
"""

from __future__ import annotations

import argparse

import numpy as np

import lissom as ls
from benchmarks import sections
from examples import networks

DATA = networks.FOLDER / "data"
PATTERNS = {"single weights, 50%": "0.5", "2:4": 'nm="2:4"', "1x4 blocks, 50%": '0.5, block="1x4"'}
CRITERIA = ["magnitude", "wanda", "sparsegpt", "obc"]


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--network", default="resnet8")
    parser.add_argument("--patterns", nargs="+", default=list(PATTERNS), choices=PATTERNS)
    parser.add_argument("--criteria", nargs="+", default=CRITERIA, choices=CRITERIA)
    parser.add_argument("--write", action="store_true")
    given = parser.parse_args()
    with np.load(DATA / "fashion_mnist_test.npz") as test:
        x, y = test["x"], test["y"]
    graph = ls.run("fold", ls.load(networks.FOLDER / f"{given.network}.onnx"))

    def accuracy(of: ls.Graph) -> str:
        return f"{(ls.evaluate(of, x)[0].argmax(1) == y).mean():.2%}"

    rows = []
    for pattern in given.patterns:
        row = [pattern]
        for criterion in given.criteria:
            text = f"sparsify({PATTERNS[pattern]}, criterion={criterion})"
            row.append(accuracy(ls.run(text, graph, data=str(DATA / "fashion_mnist_calib.npz"))))
            print(text, row[-1], flush=True)
        rows.append(row)
    lines = [
        f"`python -m benchmarks.sparsity_accuracy --network {given.network}`: float {accuracy(graph)}, no training.",
        "",
        *sections.markdown(["pattern", *given.criteria], rows),
    ]
    print("\n".join(lines))
    if given.write:
        sections.write("sparsity.md", f"sparsity-accuracy-{given.network}", lines)


if __name__ == "__main__":
    main()
