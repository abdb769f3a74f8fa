"""The entrants of a race: model files for every peer that is installed, in every form that peer may be fastest in.

Files are made where they are missing, so a folder that is kept makes the next race start at once.
"""

from __future__ import annotations

import logging
import os
import subprocess
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

from lissom.backends.c.artifact import Artifact
from lissom.bench.peers import Installed
from lissom.bench.race import Entrant, Sample
from lissom.ir.errors import Error
from lissom.ir.graph import Graph

ROOT = Path(__file__).resolve().parents[2]
"""Where `lissom` is imported from."""

CONVERT = Path(__file__).with_name("convert.py")


@dataclass
class Contest:
    """What the entrants run. Sizes are bound: the batch is the artifact's."""

    folder: Path
    """Where model files are made, and kept."""
    source: Graph
    """The float model."""
    calibration: Sequence[Sample]
    """For quantizers of peers."""
    artifacts: Mapping[str, Path] = field(default_factory=dict)
    """Artifacts by label."""
    compressed: Graph | None = None
    """What the artifacts were made from, after the passes; None where only an artifact is left."""
    int8: bool = False
    """Whether the artifacts are int8, so that peers run int8 too."""
    found: Mapping[str, Installed] = field(default_factory=dict)
    tools: Mapping[str, str] = field(default_factory=dict)
    """For each converter the Python that has it."""
    tflite: Sequence[Path] = ()
    """``.tflite`` files that are given; else they are converted where the tools are there."""
    threads: Sequence[int] = (1,)
    """How many threads peers have, each number in turn. An artifact has those it was compiled for."""
    isas: Sequence[str | None] = (None,)
    """The instruction sets peers are held to, each in turn; None: all that the CPU has."""
    notes: list[str] = field(default_factory=list)
    """What could not be done, and why."""


Progress = Callable[[str], None]


def entrants(c: Contest, progress: Progress = lambda text: None) -> list[Entrant]:
    """All there are, artifacts first; the first artifact and the first peer run twice."""
    c.folder.mkdir(parents=True, exist_ok=True)
    numbers = "int8" if c.int8 else "float"
    here = {
        **os.environ,
        "PYTHONPATH": os.pathsep.join([str(ROOT), os.environ.get("PYTHONPATH", "")]).strip(os.pathsep),
    }
    found = [
        Entrant(label, "lissom", numbers, path, environment=here, threads=Artifact(path).threads)
        for label, path in c.artifacts.items()
    ]
    for name, forms in (("onnxruntime", _onnxruntime), ("openvino", _openvino), ("litert", _litert), ("ncnn", _ncnn)):
        if name not in c.found:
            continue
        installed = c.found[name]
        levels = list(c.isas)
        if installed.peer.unlimited:
            if levels != [None]:
                c.notes.append(f"{name} runs with all the CPU has: {installed.peer.unlimited}")
            levels = [None]
        for label, numbers, file, options in forms(c, progress):
            for isa in levels:
                if numbers == "bf16" and isa not in (None, "amx"):
                    continue
                full = f"{name} {label}" + (f" at {isa}" if isa else "")
                environment = installed.environment(isa)
                for n in c.threads:
                    shown = full + on_threads(n)
                    entrant = Entrant(
                        shown, name, numbers, file, installed.python, environment, options, isa, threads=n
                    )
                    found.append(entrant)
    return [*found, *_duplicates(found)]


def on_threads(count: int) -> str:
    """What a label ends with."""
    return f", {count} threads" if count > 1 else ""


def _duplicates(found: Sequence[Entrant]) -> Iterator[Entrant]:
    for ours in (True, False):
        for e in [e for e in found if (e.engine == "lissom") == ours][:1]:
            yield replace(e, label=f"{e.label} again", same_as=e.label)


Form = tuple[str, str, Path, dict[str, Any]]
"""A label, the numbers it computes with, the model file and options of the engine."""


def _onnxruntime(c: Contest, progress: Progress) -> Iterator[Form]:
    yield "float", "float", _float(c), {}
    if c.int8:
        for label, file in _quantized(c, progress):
            yield label, "int8", file, {}
        dynamic = c.folder / "dynamic.onnx"
        if not any(op.op_type == "Conv" for op in c.source.ops) and _made(c, dynamic, lambda: _dynamic(c, dynamic)):
            yield "int8 (dynamic)", "int8", dynamic, {}


def _openvino(c: Contest, progress: Progress) -> Iterator[Form]:
    yield "float", "float", _float(c), {"INFERENCE_PRECISION_HINT": "f32"}
    if _has_bf16():
        yield "bf16", "bf16", _float(c), {"INFERENCE_PRECISION_HINT": "bf16"}
    if c.int8:
        for label, file in _quantized(c, progress):
            yield label, "int8", file, {}
        out = c.folder / "nncf.xml"
        if (python := c.tools.get("nncf")) is None:
            c.notes.append("openvino runs no int8 of its own quantizer: pip install nncf")
        elif _converted(c, progress, "nncf", python, [out], _float(c), _samples(c), out):
            yield "int8 (nncf)", "int8", out, {}


def _litert(c: Contest, progress: Progress) -> Iterator[Form]:
    if c.tflite:
        for file in c.tflite:
            yield file.name, "int8" if c.int8 else "float", file, {}
        return
    python = c.tools.get("litert-torch")
    if python is None:
        c.notes.append("litert has no model: give --tflite FILE, or pip install litert-torch ai-edge-quantizer")
        return
    files = [c.folder / "float.tflite", c.folder / "int8.tflite"]
    program = c.folder / "float.pt2"
    if not _made(c, program, lambda: _export_program(c, program)):
        return
    _converted(c, progress, "litert", python, files, program, _samples(c), *files)
    for numbers, file in zip(("float", "int8"), files, strict=True):
        if file.exists() and (c.int8 or numbers == "float"):
            yield numbers, numbers, file, {}


def _ncnn(c: Contest, progress: Progress) -> Iterator[Form]:
    out = c.folder / "float.ncnn.param"
    tool = c.tools.get("pnnx")
    if tool is None:
        c.notes.append("ncnn has no model: pip install pnnx")
        return

    def make() -> None:
        progress("converting for ncnn")
        sizes = ",".join(str(list(i.type.dims)).replace(" ", "") for i in c.source.inputs)
        binary = Path(tool).parent / "pnnx"
        _call(c, [str(binary), str(_float(c).resolve()), f"inputshape={sizes}", "fp16=0"])

    if _made(c, out, make):
        yield "float", "float", out, {}
        if c.int8:
            c.notes.append("ncnn runs float only: its int8 tools are programs that no Python package brings")


# ---- files


def _float(c: Contest) -> Path:
    """The float model, folded, which every quantizer needs and every engine does itself."""
    out = c.folder / "float.onnx"
    if not out.exists():
        import lissom as ls

        ls.save(ls.run("fold", c.source), out)
    return out


def _quantized(c: Contest, progress: Progress) -> Iterator[tuple[str, Path]]:
    """int8 ONNX: what the artifact is made from, and what onnxruntime's own quantizer makes."""
    if c.compressed is not None:
        import lissom as ls

        exported = c.folder / "exported.onnx"
        ls.save(c.compressed, exported)
        yield "int8 (exported)", exported
    own = c.folder / "quantized.onnx"
    progress("quantizing by onnxruntime")
    if _made(c, own, lambda: _static(c, own)):
        yield "int8 (quantize_static)", own


def _static(c: Contest, out: Path) -> None:
    from onnxruntime.quantization import CalibrationDataReader, QuantFormat, QuantType, quantize_static

    class Reader(CalibrationDataReader):  # type: ignore[misc]
        def __init__(self) -> None:
            self.rest = iter(c.calibration)

        def get_next(self) -> dict[str, Any] | None:
            sample = next(self.rest, None)
            return None if sample is None else dict(sample)

    with _quiet():
        quantize_static(
            _float(c),
            out,
            Reader(),
            quant_format=QuantFormat.QDQ,
            per_channel=True,
            activation_type=QuantType.QUInt8,
            weight_type=QuantType.QInt8,
        )


def _dynamic(c: Contest, out: Path) -> None:
    from onnxruntime.quantization import QuantType, quantize_dynamic

    with _quiet():
        quantize_dynamic(_float(c), out, per_channel=True, weight_type=QuantType.QInt8)


@contextmanager
def _quiet() -> Iterator[None]:
    """Without the advice that onnxruntime's quantizers log."""
    logging.disable(logging.WARNING)
    try:
        yield
    finally:
        logging.disable(logging.NOTSET)


def _export_program(c: Contest, out: Path) -> None:
    import torch

    import lissom as ls

    arrays = tuple(torch.from_numpy(c.calibration[0][i.name]) for i in c.source.inputs)
    module = ls.to_torch(ls.run("fold", c.source)).eval()
    torch.export.save(torch.export.export(module, arrays), out)


def _samples(c: Contest) -> Path:
    import numpy as np

    out = c.folder / "calibration.npz"
    if not out.exists():
        np.savez(out, **{f"{n}/{i}": a for i, s in enumerate(c.calibration) for n, a in s.items()})  # type: ignore[arg-type]
    return out


def _made(c: Contest, out: Path, make: Callable[[], None]) -> bool:
    """Whether the file is there, once it has been tried to make it. A peer's tool may fail in any way."""
    if not out.exists():
        try:
            make()
        except Exception as e:
            why = str(e).strip().splitlines()
            c.notes.append(f"{out.name} could not be made: {type(e).__name__}{': ' + why[0] if why else ''}")
    return out.exists()


def _converted(c: Contest, progress: Progress, what: str, python: str, outs: Sequence[Path], *arguments: Path) -> bool:
    def make() -> None:
        progress(f"converting by {what}")
        _call(c, [python, str(CONVERT), what, *map(str, arguments)])

    return _made(c, outs[-1], make)


def _call(c: Contest, command: Sequence[str]) -> None:
    done = subprocess.run(command, capture_output=True, text=True, cwd=c.folder)
    if done.returncode:
        told = (done.stderr or done.stdout).strip().splitlines()
        raise Error(told[-1] if told else f"exit status {done.returncode}")


def _has_bf16() -> bool:
    from lissom.backends.c.host import features

    return bool({"avx512_bf16", "amx_bf16"} & features())
