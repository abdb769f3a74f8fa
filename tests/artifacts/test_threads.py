"""``--threads``: parts of calls, in any order and by any threads, give the bytes that one thread gives."""

from __future__ import annotations

import ctypes
import shutil
import subprocess
import threading
from collections.abc import Callable
from importlib import import_module
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import lissom as ls
from lissom.backends.c import Artifact, emit
from lissom.backends.c.host import missing
from lissom.backends.c.profile import layer_times
from lissom.backends.c.threads import divide
from lissom.backends.c.toolchain import STANDARD, sources
from lissom.ir.errors import Error
from lissom.ir.graph import Graph
from lissom.ir.ops.add import Add
from lissom.ir.ops.average_pool import AveragePool
from lissom.ir.ops.conv import Conv
from lissom.ir.ops.flatten import Flatten
from lissom.ir.ops.gemm import Gemm
from lissom.ir.ops.layer_normalization import LayerNormalization
from lissom.ir.ops.mat_mul import MatMul
from lissom.ir.ops.max_pool import MaxPool
from lissom.ir.ops.relu import Relu
from lissom.ir.ops.softmax import Softmax
from lissom.ir.ops.transpose import Transpose
from lissom.ir.samples import weight
from lissom.ir.types import Array, tensor
from lissom.ir.values import Value
from tests.artifacts.test_emit import COMPILERS

PART = ctypes.CFUNCTYPE(None, ctypes.c_void_p, ctypes.c_int)
PARALLEL_FOR = ctypes.CFUNCTYPE(None, ctypes.c_void_p, ctypes.c_int, ctypes.c_void_p, ctypes.c_void_p)


def images() -> Graph:
    """Convolutions that are cut by rows, by channels and as one row of pixels; pools, a residual, a classifier."""
    graph = Graph("images")
    x = graph.input("x", tensor("float32", 1, 3, 21, 18))
    a = Relu(Conv(x, weight("w0", 13, 3, 5, 5), weight("b0", 13), strides=(2, 1), pads=(2, 1, 1, 3)))
    b = Relu(Conv(a, weight("w1", 13, 1, 3, 3), weight("b1", 13), pads=(1, 1, 1, 1), group=13))
    c = Conv(b, weight("w2", 36, 13, 1, 1), weight("b2", 36))
    d = Relu(Conv(c, weight("w3", 36, 36, 3, 3), weight("b3", 36), pads=(1, 1, 1, 1)))
    e = MaxPool(Add(d, c), kernel_shape=(3, 3), strides=(2, 2), pads=(1, 1, 1, 1))
    f = Conv(e, weight("w4", 70, 18, 3, 2), weight("b4", 70), dilations=(2, 1), pads=(2, 0, 2, 1), group=2)
    g = AveragePool(f, kernel_shape=(3, 3), strides=(1, 2), pads=(0, 1, 1, 1), count_include_pad=True)
    flat = Flatten(g)
    graph.set_outputs({"y": Softmax(Gemm(flat, weight("w5", 11, flat.type.static[1]), weight("b5", 11), transB=True))})
    return graph


def tokens() -> Graph:
    """A block of attention: products with constants and of activations, softmax, layer normalization."""
    graph = Graph("tokens")
    x = graph.input("x", tensor("float32", 1, 3, 30, 16))
    norm = LayerNormalization(x, weight("s", 16), weight("t", 16))
    q, k = MatMul(norm, weight("q", 16, 16)), MatMul(norm, weight("k", 16, 16))
    scores = Softmax(MatMul(q, Transpose(k, perm=(0, 1, 3, 2))))
    graph.set_outputs({"y": Add(x, MatMul(MatMul(scores, norm), weight("o", 16, 16)))})
    return graph


def feeds(graph: Graph, count: int = 4) -> list[Array]:
    shape = graph.inputs[0].type.static
    return [np.random.default_rng(i).normal(size=shape).astype(np.float32) for i in range(count)]


@pytest.fixture(autouse=True)
def every_call(monkeypatch: pytest.MonkeyPatch) -> None:
    """Even the smallest call is divided; nobody asks how large the code is, which takes as long as to build it."""
    monkeypatch.setattr(divide, "PART", 1e-3)
    monkeypatch.setattr(import_module("lissom.backends.c.emit"), "_footprint", lambda folder, program: None)


def built(graph: Graph, out: Path, target: str, threads: int) -> Artifact:
    """An artifact whose kernels are compiled once for all numbers of threads."""
    emit(graph, out / f"{target}-{threads}", target=target, threads=threads)
    artifact = Artifact(out / f"{target}-{threads}")
    artifact.flags, artifact.objects = ("-O0",), out / "objects"
    artifact.objects.mkdir(exist_ok=True)
    return artifact


def backwards(context: int, parts: int, part: int, task: int) -> None:
    for index in reversed(range(parts)):
        PART(part)(task, index)


def run_with(artifact: Artifact, x: Array, parallel: Callable[[int, int, int, int], None]) -> list[Array]:
    """The outputs with a parallel-for of Python's; the arena holds other bytes than an artifact's own run finds."""
    arguments, outputs = artifact.bind([x])
    arguments[2].memory[:] = 0xA5
    function = ctypes.CDLL(str(artifact.build(flags=artifact.flags))).model_run_parallel
    assert function(*arguments, PARALLEL_FOR(parallel), None) == 0
    return outputs


@pytest.mark.parametrize(
    ("make", "passes", "target"),
    [
        (images, "fold, quantize(int8)", "native"),
        (tokens, "fold", "native"),
        (images, "fold", "portable"),
        (tokens, "fold, quantize(int8)", "portable"),
    ],
)
def test_the_same_bytes(make: Callable[[], Graph], passes: str, target: str, tmp_path: Path) -> None:
    graph = ls.run(passes, make(), data=feeds(make()), check=False)
    x = feeds(make())[0]
    (expected,) = built(graph, tmp_path, target, 1).run(x)
    np.testing.assert_allclose(expected, ls.evaluate(graph, x)[0], atol=1e-4)
    for threads in (2, 3, 4) if target == "portable" else (3,):
        artifact = built(graph, tmp_path, target, threads)
        layers = artifact.report["layers"]
        assert sum("parts" in each for each in layers) > sum(bool(each["kernel"]) for each in layers) // 2
        assert artifact.run(x)[0].tobytes() == expected.tobytes()
        assert run_with(artifact, x, backwards)[0].tobytes() == expected.tobytes()
    artifact.threads = 2
    assert artifact.run(x)[0].tobytes() == expected.tobytes()


@settings(max_examples=2, deadline=None)
@given(
    drawn=st.lists(
        st.tuples(
            st.sampled_from([1, 2, 3, 7, 13, 16, 27, 33]),
            st.sampled_from([1, 3, 5, 7]),
            st.integers(1, 3),
            st.integers(1, 2),
            st.integers(0, 2),
            st.booleans(),
        ),
        min_size=1,
        max_size=2,
    ),
    threads=st.integers(2, 4),
    passes=st.sampled_from(["fold", "fold, quantize(int8)"]),
)
def test_drawn_convolutions(
    tmp_path_factory: pytest.TempPathFactory,
    drawn: list[tuple[int, int, int, int, int, bool]],
    threads: int,
    passes: str,
) -> None:
    graph = Graph("drawn")
    y: Value = graph.input("x", tensor("float32", 1, 5, 19, 23))
    for i, (outputs, kernel, stride, dilation, pad, apart) in enumerate(drawn):
        channels, *size = y.type.static[1:]  # type: ignore[index]
        outputs = channels if apart else outputs
        reach = (kernel - 1) * dilation + 1
        pads = [max(pad, -(-(reach - n) // 2)) for n in size]
        w = weight(f"w{i}", outputs, 1 if apart else channels, kernel, kernel)
        y = Conv(
            y,
            w,
            weight(f"b{i}", outputs),
            strides=(stride, stride),
            dilations=(dilation, dilation),
            pads=(*pads, *pads),
            group=channels if apart else 1,
        )
    graph.set_outputs({"y": y})
    out = tmp_path_factory.mktemp("drawn")
    made = ls.run(passes, graph, data=feeds(graph), check=False)
    (expected,) = built(made, out, "native", 1).run(feeds(graph)[0])
    found = run_with(built(made, out, "native", threads), feeds(graph)[0], backwards)
    assert found[0].tobytes() == expected.tobytes()


def test_one_thread_knows_nothing_of_threads(net: Graph, tmp_path: Path) -> None:
    emit(net, tmp_path / "out", threads=1)
    assert not list((tmp_path / "out").glob("*_threads.*"))
    assert not any(word in (tmp_path / "out" / "model.c").read_text() for word in ("parallel", "parts_"))


def test_work_that_does_not_pay_stays_whole(net: Graph, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(divide, "PART", 1e9)
    report = emit(net, tmp_path / "out", threads=4)
    assert not any("parts" in layer for layer in report["layers"])
    assert Artifact(tmp_path / "out").run(np.ones((1, 3, 10, 9), np.float32))


def test_callers_may_share_a_pool(tmp_path: Path) -> None:
    """Python lets go of its lock while C runs, so these runs do go on at once."""
    artifact = built(images(), tmp_path, "portable", 3)
    given = feeds(images(), 4)
    expected = [artifact.run(x)[0].tobytes() for x in given]
    library = ctypes.CDLL(str(artifact.build(flags=artifact.flags)))
    pool = ctypes.create_string_buffer(4096)
    parallel = ctypes.cast(library.model_threads_for, PARALLEL_FOR)
    for _ in range(5):
        assert library.model_threads_start(pool, 99) == 3
        found: list[bool] = []

        def caller(i: int, found: list[bool] = found) -> None:
            arguments, outputs = artifact.bind([given[i]])
            for _ in range(10):
                outputs[0][:] = 0
                assert library.model_run_parallel(*arguments, parallel, pool) == 0
                found.append(outputs[0].tobytes() == expected[i])

        callers = [threading.Thread(target=caller, args=(i,)) for i in range(len(given))]
        for each in callers:
            each.start()
        for each in callers:
            each.join()
        library.model_threads_stop(pool)
        assert found == [True] * 10 * len(given)


@pytest.mark.skipif(shutil.which("gcc") is None, reason="gcc is not installed")
@pytest.mark.parametrize(("make", "target"), [(images, "native"), (tokens, "portable")])
def test_no_data_race(make: Callable[[], Graph], target: str, tmp_path: Path) -> None:
    graph = ls.run("fold, quantize(int8)", make(), data=feeds(make()), check=False)
    emit(graph, tmp_path / "out", target=target, threads=3)
    port = Artifact(tmp_path / "out").report["outputs"][0]
    x = feeds(make())[0]
    driver = _RACE.replace("ELEMENTS", str(int(np.prod(port["shape"])))).replace("GIVEN", str(x.size))
    (tmp_path / "driver.c").write_text(driver)
    units = [*sources(tmp_path / "out", "model"), tmp_path / "driver.c"]
    command = ["gcc", *STANDARD, "-O0", "-g1", "-fsanitize=thread", "-pthread", "-I", tmp_path / "out", *units]
    done = subprocess.run([*map(str, command), "-o", str(tmp_path / "t"), "-lm"], capture_output=True, text=True)
    if "libtsan" in done.stderr:
        pytest.skip("the thread sanitizer of gcc is not installed")
    assert done.returncode == 0, done.stderr[-3000:]
    ran = subprocess.run(["setarch", "-R", str(tmp_path / "t")], capture_output=True, text=True)
    assert ran.returncode == 0, ran.stderr[:4000]


_RACE = """\
#include <string.h>

#include "model_threads.h"

static float x[GIVEN];
static float y[2][ELEMENTS];
static uint8_t arenas[2][MODEL_ARENA_BYTES / 64 * 64 + 64] __attribute__((aligned(64)));
static model_threads pool;

static void *call(void *of)
{
    const int i = *(int *)of;
    const model_inputs inputs = {x};
    model_outputs outputs = {y[i]};
    for (int n = 0; n < 10; ++n) {
        (void)model_run_parallel(&inputs, &outputs, arenas[i], model_threads_for, &pool);
    }
    return NULL;
}

int main(void)
{
    for (int i = 0; i < GIVEN; ++i) {
        x[i] = (float)(i % 17) / 8.0f - 1.0f;
    }
    for (int turn = 0; turn < 3; ++turn) {
        pthread_t other;
        int first = 0;
        int second = 1;
        (void)model_threads_start(&pool, MODEL_THREADS);
        (void)pthread_create(&other, NULL, call, &second);
        (void)call(&first);
        (void)pthread_join(other, NULL);
        model_threads_stop(&pool);
    }
    return memcmp(y[0], y[1], sizeof y[0]) != 0;
}
"""


@pytest.mark.parametrize("cc", COMPILERS)
def test_no_warnings_and_the_self_test_passes(cc: str, net: Graph, tmp_path: Path) -> None:
    emit(net, tmp_path / "out", threads=2)
    units = [*sources(tmp_path / "out", "model"), tmp_path / "out" / "model_test.c"]
    flags = [*STANDARD, "-Werror", "-O1", "-DMODEL_TRACE", "-pthread", "-I", tmp_path / "out"]
    done = subprocess.run([cc, *map(str, [*flags, *units, "-o", tmp_path / "t", "-lm"])], capture_output=True)
    assert done.returncode == 0, done.stderr.decode()[:3000]
    assert subprocess.run([str(tmp_path / "t")], capture_output=True, text=True).stdout == "model: ok\n"


def test_layers_are_timed_with_all_threads(tmp_path: Path) -> None:
    artifact = built(images(), tmp_path, "portable", 2)
    times = layer_times(artifact, feeds(images())[0], seconds=0.01, flags=("-O0",))
    assert [t > 0 for t in times] == [bool(layer["kernel"]) for layer in artifact.report["layers"]]
    assert artifact.time(feeds(images())[0], at_least=0.01) > 0


@pytest.mark.skipif(shutil.which("cmake") is None, reason="cmake is not installed")
def test_levels_and_cmake(net: Graph, tmp_path: Path) -> None:
    emit(net, tmp_path / "out", target="arm64" if missing("x86-64-v2") else "x86-64", threads=2, optimize="size")
    for command in (["-S", tmp_path / "out", "-B", tmp_path / "b"], ["--build", tmp_path / "b", "--parallel", "2"]):
        done = subprocess.run(["cmake", *map(str, command)], capture_output=True, text=True)
        assert done.returncode == 0, done.stdout[-2000:] + done.stderr[-2000:]
    done = subprocess.run([str(tmp_path / "b" / "model_test")], capture_output=True, text=True)
    assert done.stdout == "model: ok\n"


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"target": "cortex-m4"}, "cortex-m4 has no threads"),
        ({"package": "zephyr"}, "a library for zephyr has no threads"),
        ({"threads": 0}, "from 1 to 64, got 0"),
    ],
)
def test_refusals(options: dict[str, object], message: str, net: Graph, tmp_path: Path) -> None:
    with pytest.raises(Error, match=message):
        emit(net, tmp_path / "out", **{"threads": 2, **options})  # type: ignore[arg-type]


def test_pieces_are_even() -> None:
    assert divide.spans(7, 2) == [(0, 4), (4, 3)]
    assert divide.spans(14, 3, 4) == [(0, 4), (4, 4), (8, 6)]
    assert divide.spans(2, 4) == [(0, 1), (1, 1)]
