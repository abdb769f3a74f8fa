"""What runs batches of data: a model under onnxruntime, and an artifact, both on the model's own dtypes."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

from lissom.ir.errors import Error

if TYPE_CHECKING:
    import onnxruntime

    from lissom.backends.c import Artifact
    from lissom.cli.accuracy import Run
    from lissom.ir.types import Array
    from lissom.passes.data import Batch

Port = dict[str, Any]
"""An input or output as ``report.json`` describes it."""


def session(model: Path) -> onnxruntime.InferenceSession:
    """The model under onnxruntime, on one thread. Raises Error where it cannot run it."""
    import onnxruntime

    settings = onnxruntime.SessionOptions()
    settings.log_severity_level = 3
    settings.intra_op_num_threads = 1
    try:
        return onnxruntime.InferenceSession(model, settings, providers=["CPUExecutionProvider"])
    except Exception as e:  # its exceptions have no common base
        raise Error(f"onnxruntime cannot run the model {model}: {e}") from e


def on_onnxruntime(model: Path) -> Run:
    """Runs the model under onnxruntime."""
    ready = session(model)

    def run(batch: Batch) -> list[Array]:
        results: list[Array] = ready.run(None, batch.feed)
        return results

    return run


def on_artifact(artifact: Artifact) -> Run:
    """Runs the artifact on the model's own dtypes, whatever it takes."""
    inputs, outputs = artifact.report["inputs"], artifact.report["outputs"]

    def run(batch: Batch) -> list[Array]:
        results = artifact.run(*(quantized(batch.feed[p["name"]], p) for p in inputs))
        return [dequantized(y, p) for y, p in zip(results, outputs, strict=True)]

    return run


def quantized(array: Array, port: Port) -> Array:
    """What an artifact made with ``--io int8`` takes for ``array``."""
    import numpy as np

    if "quantization" not in port:
        return array
    grid, low = port["quantization"], -128 if port["dtype"] == "int8" else 0
    steps: Array = np.rint(array / np.float32(grid["scale"])) + grid["zero_point"]
    return np.clip(steps, low, low + 255).astype(port["dtype"])


def dequantized(array: Array, port: Port) -> Array:
    import numpy as np

    if "quantization" not in port:
        return array
    grid = port["quantization"]
    real: Array = (array.astype(np.float32) - grid["zero_point"]) * np.float32(grid["scale"])
    return real
