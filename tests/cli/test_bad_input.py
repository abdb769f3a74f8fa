"""Bad input: one message that says what, where and what to do, the right exit status, and nothing left behind."""

from __future__ import annotations

import os
import re
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

import numpy as np
import onnx
import pytest
from onnx import TensorProto, helper

from tests.cli.conftest import Invoke, model_of, network

ROOT = Path(__file__).parents[2]

Arguments = list[object]
CASES: dict[str, tuple[Callable[[Path], Arguments], str]] = {}
"""By name: builds files in a folder and returns arguments of ``compile``; and what the message must say."""


def case(message: str) -> Callable[[Callable[[Path], Arguments]], Callable[[Path], Arguments]]:
    def register(build: Callable[[Path], Arguments]) -> Callable[[Path], Arguments]:
        CASES[build.__name__] = (build, message)
        return build

    return register


def saved(folder: Path, model: onnx.ModelProto | None = None) -> Path:
    path = folder / "net.onnx"
    onnx.save(network() if model is None else model, path)
    return path


def samples(folder: Path, **arrays: np.ndarray) -> Path:
    path = folder / "data.npz"
    np.savez(path, **arrays)
    return path


QUANTIZE = ["--passes", "fold, quantize(int8)", "--data"]


@case(r"absent\.onnx: there is no such file")
def no_such_file(folder: Path) -> Arguments:
    return [folder / "absent.onnx"]


@case(r"readme\.txt is not an ONNX model")
def not_onnx(folder: Path) -> Arguments:
    (folder / "readme.txt").write_text("this is no model\n")
    return [folder / "readme.txt"]


@case(r"empty\.onnx: the file is empty")
def empty_file(folder: Path) -> Arguments:
    (folder / "empty.onnx").touch()
    return [folder / "empty.onnx"]


@case(r"cut\.onnx is not an ONNX model, or is cut short")
def truncated(folder: Path) -> Arguments:
    whole = saved(folder).read_bytes()
    (folder / "cut.onnx").write_bytes(whole[: len(whole) * 2 // 3])
    return [folder / "cut.onnx"]


@case(r"net\.onnx: .*weights\.bin")
def missing_external_file(folder: Path) -> Arguments:
    path = folder / "net.onnx"
    onnx.save(network(), path, save_as_external_data=True, location="weights.bin", size_threshold=0)
    (folder / "weights.bin").unlink()
    return [path]


@case(r"no meaning for cannot be compiled to C:\n  nowhere\.Strange 'y' \(onnx node odd\)")
def op_without_code(folder: Path) -> Arguments:
    node = helper.make_node("Strange", ["x"], ["y"], name="odd", domain="nowhere")
    ends = [("x", TensorProto.FLOAT, [1, 4])], [("y", TensorProto.FLOAT, [1, 4])]
    return [saved(folder, model_of([node], *ends, {}, {"nowhere": 1}))]


@case(r"conv of f64 elements is not supported in C; convert the model to float32")
def doubles(folder: Path) -> Arguments:
    node = helper.make_node("Conv", ["x", "w"], ["y"])
    ends = [("x", TensorProto.DOUBLE, [1, 1, 4, 4])], [("y", TensorProto.DOUBLE, [1, 2, 4, 4])]
    return [saved(folder, model_of([node], *ends, {"w": np.ones((2, 1, 1, 1))}))]


@case(r"the model has no output, so there is nothing to compute")
def no_outputs(folder: Path) -> Arguments:
    node = helper.make_node("Relu", ["x"], ["y"])
    return [saved(folder, model_of([node], [("x", TensorProto.FLOAT, [1, 4])], [], {}))]


@case(r"data\.npz: input 'x' is float32\[N,1,8,8\].*got shape \[\d+, 1, 8, 9\]")
def data_of_the_wrong_shape(folder: Path) -> Arguments:
    return [saved(folder), *QUANTIZE, samples(folder, x=np.zeros((12, 1, 8, 9), np.float32))]


@case(r"data\.npz.*float64.*float32.*astype")
def data_of_the_wrong_dtype(folder: Path) -> Arguments:
    return [saved(folder), *QUANTIZE, samples(folder, x=np.zeros((12, 1, 8, 8)))]


@case(r"data\.npz has no array 'x'.*has \['images'\]")
def data_of_another_name(folder: Path) -> Arguments:
    return [saved(folder), *QUANTIZE, samples(folder, images=np.zeros((12, 1, 8, 8), np.float32))]


@case(r"data\.npz is empty; at least one sample is needed")
def empty_calibration_set(folder: Path) -> Arguments:
    return [saved(folder), *QUANTIZE, samples(folder, x=np.zeros((0, 1, 8, 8), np.float32))]


@case(r"data\.npz.*'x' has nan at \[3, 0, 2, 1\]")
def nan_in_data(folder: Path) -> Arguments:
    x = np.zeros((12, 1, 8, 8), np.float32)
    x[3, 0, 2, 1] = np.nan
    return [saved(folder), *QUANTIZE, samples(folder, x=x)]


@case(r"data\.npz cannot be read as \.npz: .*numpy\.savez")
def data_that_is_no_npz(folder: Path) -> Arguments:
    (folder / "data.npz").write_text("not a zip file")
    return [saved(folder), *QUANTIZE, folder / "data.npz"]


@case(r"pass 'fake_quantize' needs data.*--data")
def no_data_for_a_pass_that_needs_it(folder: Path) -> Arguments:
    return [saved(folder), "--passes", "fold, quantize(int8)"]


@case(r"constant 'w', read by Conv .*conv.*, holds NaN at \[2, 0, 1, 1\]")
def nan_in_weights(folder: Path) -> Arguments:
    w = np.ones((4, 1, 3, 3), np.float32)
    w[2, 0, 1, 1] = np.nan
    return [saved(folder, network(w=w))]


@case(r"no pass is called 'fould'; did you mean 'fold'\?")
def misspelled_pass(folder: Path) -> Arguments:
    return [saved(folder), "--passes", "fould"]


@case(r"not a pipeline")
def broken_pipeline(folder: Path) -> Arguments:
    return [saved(folder), "--passes", "fold, quantize("]


@case(r"--shape: .*net\.onnx has no input 'image'; it takes x: float32\[N,1,8,8\]")
def shape_of_no_input(folder: Path) -> Arguments:
    return [saved(folder), "--shape", "image=1x1x8x8"]


@case(r"--shape x=1x3x8x8 does not fit: input 'x' is float32\[N,1,8,8\]")
def shape_that_does_not_fit(folder: Path) -> Arguments:
    return [saved(folder), "--shape", "x=1x3x8x8"]


@case(r"L.*float32\[1,L\].*--shape")
def sizes_left_open(folder: Path) -> Arguments:
    node = helper.make_node("Relu", ["x"], ["y"], name="relu")
    ends = [("x", TensorProto.FLOAT, [1, "L"])], [("y", TensorProto.FLOAT, [1, "L"])]
    return [saved(folder, model_of([node], *ends, {}))]


@case(r"'no-such-cpu'.*portable")
def unknown_target(folder: Path) -> Arguments:
    return [saved(folder), "--target", "no-such-cpu"]


@case(r"'int' cannot name the C artifact")
def name_that_is_no_name(folder: Path) -> Arguments:
    return [saved(folder), "--name", "int"]


@pytest.mark.parametrize("name", CASES)
def test_bad_input(name: str, lissom: Invoke, tmp_path: Path) -> None:
    build, message = CASES[name]
    arguments = build(tmp_path)
    before = sorted(tmp_path.rglob("*"))
    result = lissom("compile", *arguments, "-o", tmp_path / "out")
    assert result.exit_code == 1, result.output
    assert result.stdout == ""
    assert result.stderr.startswith("Error: ")
    assert re.search(message, result.stderr, re.DOTALL), result.stderr
    assert "Traceback" not in result.stderr
    assert sorted(tmp_path.rglob("*")) == before, "nothing half-written is left"


@pytest.mark.parametrize("name", ["not_onnx", "nan_in_weights", "empty_calibration_set"])
def test_bad_input_of_opt(name: str, lissom: Invoke, tmp_path: Path) -> None:
    arguments = CASES[name][0](tmp_path)
    before = sorted(tmp_path.rglob("*"))
    result = lissom("opt", *arguments, "-o", tmp_path / "out.onnx", "--json", tmp_path / "figures.json")
    assert result.exit_code == 1, result.output
    assert sorted(tmp_path.rglob("*")) == before


@pytest.mark.parametrize(
    "arguments",
    [
        ["compile", "net.onnx"],
        ["compile", "-o", "out"],
        ["squash", "net.onnx"],
        ["opt", "net.onnx", "-o", "x.onnx", "--shape", "x=1,2"],
        ["opt", "net.onnx", "-o", "x.onnx", "--shape", "x=1x1x8x8", "--shape", "x=2x1x8x8"],
        ["show", "passes", "--text"],
        ["show"],
        ["run", "out", "--input", "x.npy"],
        ["run", "out", "--input", "x.npy", "--output", "y.txt"],
        ["compile", "net.onnx", "-o", "out", "--io", "int7"],
    ],
    ids=" ".join,
)
def test_wrong_usage_is_status_2(arguments: list[str], lissom: Invoke) -> None:
    result = lissom(*arguments)
    assert result.exit_code == 2
    assert result.stderr.startswith("Usage: ")
    assert "Error: " in result.stderr


def test_an_output_that_cannot_be_written(lissom: Invoke, model: Path, tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    result = lissom("opt", model, "-o", tmp_path / "file" / "out.onnx")
    assert result.exit_code == 1
    assert "file" in result.stderr


def test_a_bug_keeps_its_traceback(
    lissom: Invoke, model: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def broken(*_: object) -> None:
        raise ZeroDivisionError("a bug")

    monkeypatch.setattr("lissom.backends.onnx.save", broken)
    with pytest.raises(ZeroDivisionError, match="a bug"):
        lissom("opt", model, "-o", tmp_path / "out.onnx")
    assert sorted(p.name for p in tmp_path.iterdir()) == ["net.onnx"]


def test_the_real_command(model: Path, tmp_path: Path) -> None:
    """Through a process of its own: status, streams, no traceback."""
    command = [sys.executable, "-m", "lissom", "opt"]
    environment = {**os.environ, "PYTHONPATH": str(ROOT)}
    good = subprocess.run([*command, model, "-o", tmp_path / "o.onnx"], env=environment, capture_output=True, text=True)
    assert (good.returncode, good.stderr) == (0, "")
    bad = subprocess.run(
        [*command, __file__, "-o", tmp_path / "p.onnx"], env=environment, capture_output=True, text=True
    )
    assert (bad.returncode, bad.stdout) == (1, "")
    assert bad.stderr.startswith(f"Error: {__file__} is not an ONNX model")
    assert bad.stderr.count("\n") == 1


@pytest.mark.skipif(os.name != "posix", reason="needs signals")
def test_interrupted(model: Path, tmp_path: Path) -> None:
    """Ctrl-C while data are read: a line that says so, and no output."""
    (tmp_path / "endless.py").write_text(
        "import time\ndef batches():\n    print('reading', flush=True)\n    time.sleep(600)\n    yield {}\n"
    )
    out = tmp_path / "out.onnx"
    process = subprocess.Popen(
        [sys.executable, "-m", "lissom", "opt", model, "-o", out, "--passes", "fold", "--data", "endless:batches"],
        cwd=tmp_path,
        env={**os.environ, "PYTHONPATH": str(ROOT)},
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        preexec_fn=lambda: signal.signal(signal.SIGINT, signal.SIG_DFL),  # which a shell's background jobs ignore
    )
    assert process.stdout is not None
    assert process.stdout.readline() == "reading\n"
    time.sleep(0.1)
    process.send_signal(signal.SIGINT)
    _, error = process.communicate(timeout=60)
    assert process.returncode == 130
    assert error.strip() == "Error: interrupted; nothing was written"
    assert sorted(p.name for p in tmp_path.iterdir() if p.suffix != ".py" and p.name != "__pycache__") == ["net.onnx"]
