"""Instructions of one int8 inference on Arm processors, beside the figures known of CMSIS-NN and XNNPACK.

    python -m benchmarks.instructions [--target T ...] [--layers | --memory] [--write] [NAME ...]

Networks of ../shared/data (or where LISSOM_SHARED points) are quantized with "fold, quantize(int8)", compiled with int8
inputs and outputs, and run once under qemu, whose plugin counts. ``--write`` puts the table into docs/arm.md, between
its two comments. The counts depend on the compiler and on nothing else.
"""

from __future__ import annotations

import argparse
import re
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path

import numpy as np

import lissom as ls
from benchmarks.quantize_accuracy import CALIBRATION, SHARED, shared
from lissom.backends.c.cross import CROSS
from lissom.bench.instructions import Counted, counted
from lissom.ir.graph import Graph
from lissom.kernels.table import SEVERAL

TARGETS = [target for target in CROSS if target not in SEVERAL]
PAGE = Path(__file__).parent.parent / "docs" / "arm.md"
NETWORKS = {
    "mlptiny_ic_resnet8": "ResNet-8",
    "mlptiny_kws_dscnn_float": "DS-CNN",
    "mlptiny_vww_mbv1_025": "MobileNetV1-0.25",
    "mlptiny_ad_autoencoder": "autoencoder",
}

PEERS: dict[str, dict[str, tuple[str, float]]] = {
    "mlptiny_ic_resnet8": {
        "cortex-m4": ("CMSIS-NN", 29.8e6),
        "cortex-m7": ("CMSIS-NN", 29.9e6),
        "cortex-m55": ("CMSIS-NN", 4.57e6),
        "aarch64": ("XNNPACK", 4.99e6),
        "aarch64+dotprod": ("XNNPACK", 1.48e6),
        "aarch64+i8mm": ("XNNPACK", 1.24e6),
    },
    "mlptiny_kws_dscnn_float": {
        "cortex-m4": ("CMSIS-NN", 7.84e6),
        "cortex-m7": ("CMSIS-NN", 7.75e6),
        "cortex-m55": ("CMSIS-NN", 1.75e6),
        "aarch64": ("XNNPACK", 1.33e6),
        "aarch64+dotprod": ("XNNPACK", 0.70e6),
        "aarch64+i8mm": ("XNNPACK", 0.72e6),
    },
    "mlptiny_vww_mbv1_025": {
        "cortex-m4": ("CMSIS-NN", 24.7e6),
        "cortex-m7": ("CMSIS-NN", 24.5e6),
        "cortex-m55": ("CMSIS-NN", 6.25e6),
        "aarch64": ("XNNPACK", 4.01e6),
        "aarch64+dotprod": ("XNNPACK", 1.92e6),
        "aarch64+i8mm": ("XNNPACK", 1.90e6),
    },
    "mlptiny_ad_autoencoder": {
        "cortex-m4": ("CMSIS-NN", 579e3),
        "cortex-m7": ("CMSIS-NN", 579e3),
        "cortex-m55": ("CMSIS-NN", 61.6e3),
        "aarch64": ("XNNPACK", 135e3),
        "aarch64+dotprod": ("XNNPACK", 41.6e3),
        "aarch64+i8mm": ("XNNPACK", 38.1e3),
    },
}
"""Instructions of peers, the best of gcc and clang, counted in the same way for networks of the same shapes. They were
taken over, not counted by this command, and the versions of the libraries were not noted. XNNPACK's are for its choice
on Cortex-A53, Cortex-A76 and Neoverse V1."""


def windows() -> np.ndarray:
    """Inputs of the autoencoder: five frames of a spectrogram, one clip after the other."""
    with np.load(SHARED / "datasets" / "ad01.npz") as data:
        clips = data["x"][:CALIBRATION].astype(np.float32)
    return np.stack([clip[i : i + 5].reshape(-1) for clip in clips for i in (0, 60, 120)])


def quantized(name: str) -> tuple[Graph, np.ndarray]:
    """The network in int8, and the inputs that it was quantized with."""
    x = windows() if name == "mlptiny_ad_autoencoder" else shared(name).calibration
    graph = ls.load(SHARED / "models" / f"{name}.onnx")
    return ls.run("fold, quantize(int8)", graph, data=[x]), x


def counts(name: str, targets: list[str], layers: bool) -> Iterator[Counted]:
    """The count at each target."""
    graph, x = quantized(name)
    for target in targets:
        with tempfile.TemporaryDirectory() as folder:
            ls.emit(graph, Path(folder, "out"), target=target, io="int8")
            artifact = ls.Artifact(Path(folder, "out"))
            yield counted(artifact, {artifact.report["inputs"][0]["name"]: x[:1]}, layers)


def table(found: dict[str, list[Counted]]) -> Iterator[str]:
    """Markdown: a row for each network and target."""
    yield "| network | target | MMAC | instructions | a MAC | peer | ratio |"
    yield "|---|---|--:|--:|--:|--:|--:|"
    for name, of in found.items():
        for x in of:
            peer = PEERS[name].get(x.target)
            beside = f"{peer[0]} {peer[1] / 1e6:.3g} M | {x.instructions / peer[1]:.2f}" if peer else " | "
            each = f"{x.macs / 1e6:.3g} | {x.instructions / 1e6:.3f} M | {x.instructions / x.macs:.2f}"
            yield f"| {NETWORKS[name]} | {x.target} | {each} | {beside} |"


def memory(name: str, targets: list[str]) -> Iterator[str]:
    """Markdown: a row for each target, what a network takes there in bytes."""
    graph, _ = quantized(name)
    for target in targets:
        with tempfile.TemporaryDirectory() as folder:
            facts = ls.emit(graph, Path(folder, "out"), target=target, io="int8")["artifact"]
        cells = " | ".join(f"{facts[f'{k}_bytes']:,}" for k in ("arena", "stack", "weight", "code", "flash"))
        yield f"| {NETWORKS[name]} | {target} | {cells} |"


def print_memory(names: list[str], targets: list[str]) -> None:
    print("| network | target | arena | stack | weights | code | flash |")
    print("|---|---|--:|--:|--:|--:|--:|")
    for name in names:
        for row in memory(name, targets):
            print(row, flush=True)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("names", nargs="*", metavar="NAME", help=", ".join(NETWORKS))
    parser.add_argument("--target", action="append", choices=TARGETS, help="by default each of them")
    parser.add_argument("--layers", action="store_true", help="also print each layer")
    parser.add_argument("--write", action="store_true", help="also put the table into docs/arm.md")
    parser.add_argument("--memory", action="store_true", help="print bytes of memory instead")
    given = parser.parse_args()
    if given.memory:
        print_memory(given.names or list(NETWORKS), given.target or TARGETS)
        return
    found: dict[str, list[Counted]] = {}
    for name in given.names or NETWORKS:
        found[name] = list(counts(name, given.target or TARGETS, given.layers))
        print(*list(table(found))[-len(found[name]) :], sep="\n", file=sys.stderr, flush=True)
        for x in found[name] if given.layers else []:
            print(f"\n{name} at {x.target}")
            for row in x.rows():
                print("  ".join(f"{cell.rstrip('>'):>14.40}" for cell in row[1:]))
    tools = sorted({x.tools["compiler"] for of in found.values() for x in of})
    emulators = sorted({x.tools["emulator"] for of in found.values() for x in of})
    lines = [*table(found), "", f"Compilers: {'; '.join(tools)}. Counted under {'; '.join(emulators)}."]
    print("\n".join(lines))
    if given.write:
        text = PAGE.read_text(encoding="utf-8")
        pattern = r"(<!-- python -m benchmarks.instructions --write -->\n).*?(\n<!-- end -->)"
        PAGE.write_text(re.sub(pattern, lambda m: m[1] + "\n".join(lines) + m[2], text, flags=re.S), encoding="utf-8")


if __name__ == "__main__":
    main()
