"""Are results on Arm those of the host? Every network at every Arm target, under qemu, beside the interpreter.

    python -m benchmarks.arm_bits [NAME ...] [--targets T ...] [--numbers int8 float] [--images N] [--write]

Networks are the examples and, where there are ../shared/data, those of MLPerf Tiny: in int8, up to their last integers,
whose bytes are compared, and in float, where the largest difference is shown as a share of the largest output. Floats
run where code for them differs. ``--write`` puts the table into docs/arm.md.
"""

from __future__ import annotations

import argparse
import sys
import tempfile
import time
from pathlib import Path

import numpy as np

import lissom as ls
from benchmarks import instructions, sections
from benchmarks.quantize_accuracy import SHARED, example, shared
from benchmarks.same_bits import cut, equal
from examples import networks
from lissom.ir.errors import Error
from lissom.ir.graph import Graph
from lissom.ir.ops.dequantize_linear import DequantizeLinear

FLOATS = ("aarch64", "cortex-m3", "cortex-m4", "cortex-m55")
"""Targets whose code for floats differs: dot products are of bytes, and an M0's is the code of an M3."""


def available() -> list[str]:
    """Names of networks."""
    return [*networks.NETWORKS, *(instructions.NETWORKS if (SHARED / "models").is_dir() else ())]


def pair(name: str) -> tuple[Graph, Graph, np.ndarray]:
    """A network in float and in int8, and what it was quantized with."""
    if name in networks.NETWORKS:
        model, x = example(name).model, example(name).calibration
    else:
        model = SHARED / "models" / f"{name}.onnx"
        x = instructions.windows() if "autoencoder" in name else shared(name).calibration
    graph = ls.load(model)
    integers = ls.run("fold, quantize(int8)", graph, data=[x])
    return ls.run("fold", graph), cut(integers, DequantizeLinear), x


def cell(graph: Graph, target: str, x: np.ndarray, wanted: np.ndarray, is_exact: bool) -> str:
    """What of the results of a target is equal, or how far they are apart; or why there are none."""
    with tempfile.TemporaryDirectory() as folder:
        try:
            ls.emit(graph.bind({"N": 1}), Path(folder, "c"), target=target)
            artifact = ls.Artifact(Path(folder, "c"))
            got = np.concatenate([artifact.run(x[i : i + 1])[0] for i in range(len(x))])
        except Error as e:
            print(f"  {target}: {e}", file=sys.stderr)
            return "does not run"
    if is_exact:
        return equal(got, wanted)
    return f"{np.abs(got - wanted).max() / np.abs(wanted).max():.0e}"


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("names", nargs="*", metavar="NAME", help=f"of {', '.join(available())}; default all")
    parser.add_argument("--targets", nargs="+", default=instructions.TARGETS, choices=instructions.TARGETS)
    parser.add_argument("--numbers", nargs="+", default=["int8", "float"], choices=["int8", "float"])
    parser.add_argument("--images", type=int, default=3, help="on which so many are compared [default: 3]")
    parser.add_argument("--write", action="store_true", help="also put the table into docs/arm.md")
    given = parser.parse_args()
    rows = []
    for name in given.names or available():
        real, integers, images = pair(name)
        x = images[-given.images :]
        for numbers in given.numbers:
            graph = integers if numbers == "int8" else real
            wanted = np.concatenate([ls.evaluate(graph, x[i : i + 1])[0] for i in range(len(x))])
            row = [instructions.NETWORKS.get(name, name), numbers, f"{wanted.size:,}"]
            for target in given.targets:
                began = time.perf_counter()
                runs = numbers == "int8" or target in FLOATS
                row.append(cell(graph, target, x, wanted, numbers == "int8") if runs else "")
                took = time.perf_counter() - began
                print(f"{name} {numbers} {target}: {row[-1]} ({took:.0f} s)", file=sys.stderr, flush=True)
            rows.append(row)
    lines = sections.markdown(["network", "numbers", "outputs", *given.targets], rows)
    print("\n".join(lines))
    if given.write:
        sections.write("arm.md", "python -m benchmarks.arm_bits --write", lines)


if __name__ == "__main__":
    main()
