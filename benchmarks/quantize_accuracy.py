"""Accuracy after quantization, beside onnxruntime's static quantizer: writes a section of docs/results.md.

    python -m benchmarks.quantize_accuracy [NAME ...] [--images N] [--print]

The example networks are measured on the Fashion-MNIST test set, and, where a folder of further trained models is found
(``../shared`` beside the checkout, or LISSOM_SHARED), those on their data. Both quantizers see the same 100 images
without labels. "agrees" is the share of images on which a quantized network names the class its float original names;
"SNR" that of its outputs. Seconds are processor time for calibration and quantization, on one thread, imports aside.
"equal" and "steps": what onnxruntime computes from the exported QDQ file, beside our integers.
"""

from __future__ import annotations

import argparse
import os
import tempfile
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
import onnxruntime
import torch

import lissom as ls
from examples import fashion_mnist, networks
from lissom.ir.graph import Graph
from lissom.ir.ops.dequantize_linear import DequantizeLinear
from lissom.ir.values import Const

ROOT = Path(__file__).parents[1]
RESULTS = ROOT / "docs" / "results.md"
SHARED = Path(os.environ.get("LISSOM_SHARED", ROOT.parent / "shared")) / "data"
BEGIN, END = "<!-- quantization -->", "<!-- end of quantization -->"
CALIBRATION = 100
ALIKE = 1000
"""Images on which our integers are compared with onnxruntime's, at most."""
HEADINGS = ("network", "images", "numbers", "top-1", "agrees", "SNR dB", "seconds", "equal", "steps")
METHODS = ("MinMax", "Percentile", "Entropy")
"""Ways of onnxruntime to find ranges."""
PIPELINES = {
    "int8": "quantize(int8)",
    "int8, weights int4, nearest alone": "quantize(int8, weights=int4, bias_correction=false)",
    "int8, weights int4": "quantize(int8, weights=int4)",
    "int8, weights int4, gptq": "quantize(int8, weights=int4, rounding=gptq)",
    "int8, weights int4, adaround": "quantize(int8, weights=int4, rounding=adaround)",
}
LOW_BIT = ("resnet8", "dscnn", "vit")
"""Networks that are measured with narrower weights too."""


@dataclass(frozen=True)
class Task:
    """A network, unlabelled images to calibrate on, and labelled ones to measure with."""

    name: str
    model: Path
    calibration: np.ndarray
    x: np.ndarray
    y: np.ndarray


def example(name: str) -> Task:
    """One of the example networks."""
    with np.load(networks.FOLDER / "data" / "fashion_mnist_calib.npz") as data:
        calibration = data["x"][:CALIBRATION]
    x, y = fashion_mnist.read("test")
    return Task(name, networks.FOLDER / f"{name}.onnx", calibration, x, y)


def _npz(name: str, prepare: Callable[[np.ndarray], np.ndarray]) -> tuple[np.ndarray, np.ndarray]:
    with np.load(SHARED / "datasets" / name) as data:
        return np.ascontiguousarray(prepare(data["x"]), np.float32), data["y"]


def _imagenet(size: int, prepare: Callable[[np.ndarray], np.ndarray]) -> tuple[np.ndarray, np.ndarray]:
    from PIL import Image

    files = sorted((SHARED / "datasets" / "imagenet_sample_256").glob("*.jpg"))
    files = [files[i] for i in np.random.default_rng(0).permutation(len(files))]
    o = (256 - size) // 2
    images = [np.asarray(Image.open(f).convert("RGB"), np.float32)[o : o + size, o : o + size] for f in files]
    labels = np.array([int(f.name.split("_")[0]) for f in files])
    return np.ascontiguousarray(prepare(np.stack(images)).transpose(0, 3, 1, 2), np.float32), labels


def _cifar(prepare: Callable[[np.ndarray], np.ndarray]) -> tuple[np.ndarray, np.ndarray]:
    train, labels = _npz("cifar10_train5k.npz", prepare)
    x, y = _npz("cifar10_test.npz", prepare)
    chosen = np.random.default_rng(1).permutation(len(train))[:CALIBRATION]
    return np.concatenate([train[chosen], x]), np.concatenate([labels[chosen], y])


def _normalised(x: np.ndarray) -> np.ndarray:
    return ((x / 255 - [0.485, 0.456, 0.406]) / [0.229, 0.224, 0.225]).transpose(0, 3, 1, 2)


def _keywords(x: np.ndarray) -> np.ndarray:
    return (x.astype(np.float32) - 83) * np.float32(0.5847029089927673)


SHARED_TASKS: dict[str, Callable[[], tuple[np.ndarray, np.ndarray]]] = {
    "cifar10_resnet20": lambda: _cifar(_normalised),
    "mlptiny_ic_resnet8": lambda: _cifar(lambda x: x),
    "mlptiny_kws_dscnn_float": lambda: _npz("kws01.npz", lambda x: _keywords(x).reshape(-1, 1, 49, 10)),
    "mlptiny_vww_mbv1_025": lambda: _npz("vww01.npz", lambda x: x / 255),
    "mlptiny_kws_dscnn": lambda: _npz("kws01.npz", _keywords),
    "squeezenet1_1": lambda: _imagenet(227, lambda x: x[..., ::-1] - np.float32([104, 117, 123])),
    "efficientnet_lite0": lambda: _imagenet(224, lambda x: (x - 127) / 128),
}
"""Further networks: all their data, the first 100 of which calibrate."""


def shared(name: str) -> Task:
    """One of the further networks."""
    x, y = SHARED_TASKS[name]()
    return Task(name, SHARED / "models" / f"{name}.onnx", x[:CALIBRATION], x[CALIBRATION:], y[CALIBRATION:])


def session(model: Path) -> Any:
    """onnxruntime on one thread."""
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = 1
    options.log_severity_level = 3
    return onnxruntime.InferenceSession(model, options, providers=["CPUExecutionProvider"])


def outputs(model: Path, x: np.ndarray) -> np.ndarray:
    """The first output of a model under onnxruntime."""
    running = session(model)
    name = running.get_inputs()[0].name
    return np.concatenate([running.run(None, {name: x[i : i + 50]})[0] for i in range(0, len(x), 50)])


def by_onnxruntime(task: Task, folder: Path, method: str = "MinMax") -> Path:
    """The model quantized by onnxruntime: its own clean-up, then int8 QDQ, per channel."""
    from onnxruntime.quantization import (
        CalibrationDataReader,
        CalibrationMethod,
        QuantFormat,
        quant_pre_process,
        quantize_static,
    )

    name = session(task.model).get_inputs()[0].name

    class Reader(CalibrationDataReader):  # type: ignore[misc]
        def __init__(self) -> None:
            self.left = iter([{name: task.calibration[i : i + 1]} for i in range(len(task.calibration))])

        def get_next(self) -> dict[str, np.ndarray] | None:
            return next(self.left, None)

    quant_pre_process(str(task.model), str(folder / "clean.onnx"))
    quantize_static(
        str(folder / "clean.onnx"),
        str(folder / "theirs.onnx"),
        Reader(),
        quant_format=QuantFormat.QDQ,
        per_channel=True,
        calibrate_method=CalibrationMethod[method],
    )
    return folder / "theirs.onnx"


def interpreted(graph: Graph, x: np.ndarray) -> np.ndarray:
    """The first output of a graph, bit for bit what the C code gives."""
    return np.concatenate([ls.evaluate(graph, x[i : i + 50])[0] for i in range(0, len(x), 50)])


def agreement(graph: Graph, x: np.ndarray) -> tuple[str, str]:
    """Of the last integers, the share that onnxruntime gives alike, and the largest difference in steps."""
    copy = graph.clone()
    last = next(op for op in reversed(list(copy.ops)) if isinstance(op, DequantizeLinear))
    assert isinstance(last.x_scale, Const)
    copy.set_outputs({"y": last})
    with tempfile.TemporaryDirectory() as folder:
        ls.save(copy, Path(folder) / "ours.onnx")
        theirs = outputs(Path(folder) / "ours.onnx", x)
    steps = np.rint(np.abs(interpreted(copy, x) - theirs) / float(last.x_scale.data.reshape(())))
    return f"{(steps == 0).mean():.2%}", f"{steps.max():.0f}"


def row(
    task: Task,
    numbers: str,
    exact: np.ndarray,
    got: np.ndarray,
    seconds: float | None,
    alike: tuple[str, str] = ("", ""),
) -> list[str]:
    """One line of the table."""
    noise = float(((exact - got) ** 2).sum())
    snr = "" if noise == 0 else f"{10 * np.log10(float((exact**2).sum()) / noise):.1f}"
    top = got.reshape(len(got), -1).argmax(1)
    agrees = "" if noise == 0 else f"{(top == exact.reshape(len(exact), -1).argmax(1)).mean():.2%}"
    accuracy = f"{(top == task.y).mean():.2%}"
    taken = "" if seconds is None else f"{seconds:.1f}"
    return [task.name, str(len(task.y)), numbers, accuracy, agrees, snr, taken, *alike]


def measure(task: Task) -> Iterator[list[str]]:
    """The lines of one network."""
    exact = outputs(task.model, task.x)
    yield row(task, "float", exact, exact, None)
    for method in METHODS:
        with tempfile.TemporaryDirectory() as folder:
            began = time.process_time()
            theirs = by_onnxruntime(task, Path(folder), method)
            seconds = time.process_time() - began
            yield row(task, f"int8 by onnxruntime, {method}", exact, outputs(theirs, task.x), seconds)
    for numbers, pipeline in PIPELINES.items():
        if numbers == "int8" or task.name in LOW_BIT:
            graph = ls.load(task.model)
            began = time.process_time()
            quantized = ls.run(pipeline, graph, data=[task.calibration], check=False)
            seconds = time.process_time() - began
            alike = agreement(quantized, task.x[:ALIKE]) if numbers == "int8" else ("", "")
            yield row(task, numbers, exact, interpreted(quantized, task.x), seconds, alike)


def write_section(rows: dict[str, list[str]], order: list[str]) -> None:
    """Put lines, by network, into the table between the markers of docs/results.md; those of other networks stay."""
    text = RESULTS.read_text() if RESULTS.exists() else "# Results\n"
    if BEGIN not in text:
        text = f"{text.rstrip()}\n\n## Quantization\n\n{BEGIN}\n{END}\n"
    head, rest = text.split(BEGIN)
    table, tail = rest.split(END)
    kept: dict[str, list[str]] = {}
    for line in (line for line in table.splitlines() if line.startswith("| ") and not line.startswith("| network ")):
        kept.setdefault(line.split("|")[1].strip(), []).append(line)
    kept.update(rows)
    lines = [line for name in (*order, *(n for n in kept if n not in order)) for line in kept.get(name, [])]
    RESULTS.write_text("\n".join([f"{head}{BEGIN}", INTRODUCTION, *TITLE, *lines, f"{END}{tail}"]))


TITLE = (f"| {' | '.join(HEADINGS)} |", "|---|---:|---|" + "---:|" * (len(HEADINGS) - 3))
INTRODUCTION = """\
`python -m benchmarks.quantize_accuracy` writes this table: top-1 of the float network, of onnxruntime's static
quantizer (QDQ, int8, per channel, with each of its ways to find ranges) and of `quantize(...)`, calibrated on the same
100 unlabelled images. "agrees" is the share of images on which a network still names the class its float original
names. Seconds are processor time on one thread, imports aside. "equal" and "steps" compare our last integers with those
onnxruntime computes from the exported QDQ file, on the first 1,000 images: the share that is the same, and the largest
difference. Lines of lissom are computed by the interpreter, whose bytes the C code reproduces.
"nearest alone" leaves out bias correction, which otherwise follows every way of rounding.
"""


def _warm_up() -> None:
    """Import what both quantizers import when they first run."""
    with tempfile.TemporaryDirectory() as folder:
        task = example("lenet300")
        by_onnxruntime(replace(task, calibration=task.calibration[:1]), Path(folder))
        ls.run("quantize(int8)", ls.load(task.model), data=[task.calibration[:1]], check=False)


def main() -> None:
    """Measure what is asked for."""
    available = [*networks.NETWORKS, *(SHARED_TASKS if (SHARED / "models").is_dir() else ())]
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("names", nargs="*", metavar="NAME", help=f"of {', '.join(available)}; default all")
    parser.add_argument("--images", type=int, help="measure on the first so many only")
    parser.add_argument("--print", action="store_true", help="print only, and leave docs/results.md as it is")
    arguments = parser.parse_args()
    torch.set_num_threads(1)
    _warm_up()
    print("\n".join(TITLE))
    for name in arguments.names or available:
        task = example(name) if name in networks.NETWORKS else shared(name)
        n = arguments.images or len(task.y)
        lines = []
        for cells in measure(Task(task.name, task.model, task.calibration, task.x[:n], task.y[:n])):
            lines.append(f"| {' | '.join(cells)} |")
            print(lines[-1], flush=True)
        if not arguments.print:
            write_section({name: lines}, available)


if __name__ == "__main__":
    main()
