"""One engine in a process of its own, pinned to one core. Run as a script, by any Python that has the engine.

    python worker.py SPEC.json

The spec names the engine, its model file, an ``.npz`` of samples (``INPUT/0``, ``INPUT/1`` ...), the file to write the
outputs to, the cores, the number of threads, whether to count processor time, and engine options. The first line on
stdout says that the engine is ready, or why it is not. Then each line on stdin is a number of runs; answered with the
seconds each of them took.
Nothing of lissom is imported unless the engine is lissom, and every engine runs on as many threads as are asked for.
"""

from __future__ import annotations

import json
import os
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import numpy as np

Sample = dict[str, Any]
Clock = Callable[[int], "list[float]"]
Loaded = tuple[Callable[[Sample], "list[Any]"], Clock]
"""A function that computes the outputs of a sample, and one that times runs of the sample it was given last."""


def stopwatch(run: Callable[[], Any], options: dict[str, Any]) -> Clock:
    """Times each run of a Python function by itself."""
    now = time.process_time_ns if options["cpu"] else time.perf_counter_ns

    def clock(repeats: int) -> list[float]:
        found = []
        for _ in range(repeats):
            began = now()
            run()
            found.append(1e-9 * (now() - began))
        return found

    return clock


def load_lissom(file: str, options: dict[str, Any]) -> Loaded:
    from lissom.backends.c.artifact import Artifact

    artifact = Artifact(file)
    names = [p["name"] for p in artifact.report["inputs"]]
    held: list[Any] = []

    def outputs(sample: Sample) -> list[Any]:
        arrays = [sample[n] for n in names]
        held[:] = [artifact.stopwatch(*arrays, cpu=options["cpu"])]
        return artifact.run(*arrays)

    return outputs, lambda repeats: [held[0](1) for _ in range(repeats)]


def load_onnxruntime(file: str, options: dict[str, Any]) -> Loaded:
    import onnxruntime as ort

    settings = ort.SessionOptions()
    settings.intra_op_num_threads, settings.inter_op_num_threads = options["threads"], 1
    settings.log_severity_level = 3
    session = ort.InferenceSession(file, settings, providers=["CPUExecutionProvider"])
    binding = session.io_binding()

    def outputs(sample: Sample) -> list[Any]:
        results = session.run(None, sample)
        for name, array in sample.items():
            binding.bind_ortvalue_input(name, ort.OrtValue.ortvalue_from_numpy(array))
        for port, array in zip(session.get_outputs(), results, strict=True):
            binding.bind_ortvalue_output(port.name, ort.OrtValue.ortvalue_from_numpy(array))
        return list(results)

    return outputs, stopwatch(lambda: session.run_with_iobinding(binding), options)


def load_openvino(file: str, options: dict[str, Any]) -> Loaded:
    import openvino as ov

    config = {"NUM_STREAMS": 1, "PERFORMANCE_HINT": "LATENCY", "ENABLE_CPU_PINNING": False}
    config["INFERENCE_NUM_THREADS"] = options["threads"]
    compiled = ov.Core().compile_model(file, "CPU", {**config, **options["engine"]})
    request = compiled.create_infer_request()
    held: list[Any] = []

    def outputs(sample: Sample) -> list[Any]:
        held[:] = [ov.Tensor(a) for a in sample.values()]
        for name, tensor in zip(sample, held, strict=True):
            request.set_tensor(name, tensor)
        request.infer()
        return [request.get_output_tensor(i).data.copy() for i in range(len(compiled.outputs))]

    return outputs, stopwatch(lambda: request.infer(share_outputs=True), options)


def load_litert(file: str, options: dict[str, Any]) -> Loaded:
    """Images go in with channels last, and integers on their grid, where the file wants them so."""
    os.environ["TF_CPP_MIN_LOG_LEVEL"] = "3"
    from ai_edge_litert.interpreter import Interpreter

    interpreter = Interpreter(file, num_threads=options["threads"])
    interpreter.allocate_tensors()
    inputs, results = interpreter.get_input_details(), interpreter.get_output_details()

    def outputs(sample: Sample) -> list[Any]:
        for port, array in zip(inputs, sample.values(), strict=True):
            a = array.transpose(0, 2, 3, 1) if array.ndim == 4 and tuple(port["shape"]) != array.shape else array
            if tuple(port["shape"]) != a.shape:
                raise ValueError(f"the .tflite takes {list(port['shape'])}, the model {list(array.shape)}")
            if port["dtype"] != a.dtype:
                scale, zero = port["quantization"]
                span = np.iinfo(port["dtype"])
                a = np.clip(np.rint(a / scale) + zero, span.min, span.max).astype(port["dtype"])
            interpreter.set_tensor(port["index"], np.ascontiguousarray(a))
        interpreter.invoke()
        return [_real(interpreter.get_tensor(port["index"]), port) for port in results]

    return outputs, stopwatch(interpreter.invoke, options)


def _real(array: Any, port: dict[str, Any]) -> Any:
    if array.dtype.kind == "f":
        return array
    scale, zero = port["quantization"]
    return (array.astype(np.float32) - zero) * scale


def load_ncnn(file: str, options: dict[str, Any]) -> Loaded:
    import ncnn

    net = ncnn.Net()
    net.opt.num_threads = options["threads"]
    net.opt.use_vulkan_compute = False
    net.load_param(file)
    net.load_model(str(Path(file).with_suffix(".bin")))
    mats: dict[str, Any] = {}
    results: list[Any] = []

    def run() -> None:
        extractor = net.create_extractor()
        for name, mat in mats.items():
            extractor.input(name, mat)
        results[:] = [extractor.extract(name)[1] for name in net.output_names()]

    def outputs(sample: Sample) -> list[Any]:
        for name, array in zip(net.input_names(), sample.values(), strict=True):
            mats[name] = ncnn.Mat(np.ascontiguousarray(array[0])).clone()
        run()
        return [np.array(mat)[None] for mat in results]

    return outputs, stopwatch(run, options)


LOADERS = {
    "lissom": load_lissom,
    "onnxruntime": load_onnxruntime,
    "openvino": load_openvino,
    "litert": load_litert,
    "ncnn": load_ncnn,
}


def samples_of(path: str) -> Iterator[Sample]:
    """The samples of an ``.npz`` with an array ``NAME/i`` for each input of sample ``i``."""
    with np.load(path) as stored:
        arrays = {name: stored[name] for name in stored.files}
    for i in range(len({name.rpartition("/")[2] for name in arrays})):
        yield {n.rpartition("/")[0]: a for n, a in arrays.items() if n.endswith(f"/{i}")}


def main() -> None:
    spec = json.loads(Path(sys.argv[1]).read_text())
    answers = os.fdopen(os.dup(1), "w")
    os.dup2(2, 1)  # what engines print is not an answer

    def answer(value: Any) -> None:
        answers.write(json.dumps(value) + "\n")
        answers.flush()

    if spec["cores"] is not None:
        os.sched_setaffinity(0, set(spec["cores"]))
    try:
        options = {"engine": spec["options"], "cpu": spec["cpu"], "threads": spec["threads"]}
        outputs, clock = LOADERS[spec["engine"]](spec["file"], options)
        samples = list(samples_of(spec["inputs"]))
        written = {f"{i}/{j}": y for i, s in enumerate(samples) for j, y in enumerate(outputs(s))}
        np.savez(spec["outputs"], **written)
        if len(samples) > 1:
            outputs(samples[0])
        answer({"ready": True})
    except Exception as e:  # whatever an engine raises is its answer
        answer({"ready": False, "why": f"{type(e).__name__}: {e}"})
        return
    for line in sys.stdin:
        answer(clock(int(line)))


if __name__ == "__main__":
    main()
