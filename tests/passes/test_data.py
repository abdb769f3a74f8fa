"""What ``data=`` takes, and the messages for what it does not."""

from __future__ import annotations

import re
import sys

import numpy as np
import pytest

from lissom.ir.dims import symbol
from lissom.ir.errors import DataError
from lissom.ir.graph import Graph
from lissom.ir.types import tensor
from lissom.passes.data import Data


def graph(*shapes, dtype="float32", names=("image", "state")) -> Graph:
    g = Graph()
    for name, shape in zip(names, shapes, strict=False):
        g.input(name, tensor(dtype, *(symbol(d) if isinstance(d, str) else d for d in shape)))
    g.set_outputs({"y": g.inputs[0]})
    return g


X = np.arange(70, dtype=np.float32).reshape(10, 7)
FREE, FIXED = graph(("N", 7)), graph((4, 7))


def joined(data: Data, size: int | None = None, name: str = "image"):
    batches = list(data.batches(size))
    return [len(b.feed[name]) for b in batches], np.concatenate([b.feed[name][: b.count] for b in batches])


def test_npz_in_batches_with_labels(tmp_path):
    path = tmp_path / "d.npz"
    np.savez(path, x=X, y=np.arange(10))
    for source in (path, str(path)):
        data = Data(source, FREE)
        for size, sizes in ((4, [4, 4, 2]), (None, [10])):
            lengths, together = joined(data, size)
            assert lengths == sizes
            np.testing.assert_array_equal(together, X)
        assert [b.labels.tolist() for b in data.batches(4)] == [[0, 1, 2, 3], [4, 5, 6, 7], [8, 9]]
        assert data.first(3).labels.tolist() == [0, 1, 2]


def test_a_fixed_batch_is_filled_up(tmp_path):
    np.savez(tmp_path / "d.npz", image=X, y=np.arange(10))
    batches = list(Data(tmp_path / "d.npz", FIXED).batches(1))
    assert [(b.count, b.feed["image"].shape, len(b.labels)) for b in batches] == [
        (4, (4, 7), 4),
        (4, (4, 7), 4),
        (2, (4, 7), 2),
    ]
    np.testing.assert_array_equal(batches[2].feed["image"], X[[8, 9, 9, 9]])


def test_lists_dicts_and_generators_again_and_again():
    for source in ([X[:5], X[5:]], [{"image": X[:5]}, {"image": X[5:]}], ({"image": X[i : i + 5]} for i in (0, 5))):
        data = Data(source, FREE)
        for _ in range(2):
            lengths, together = joined(data)
            assert lengths == [5, 5]
            np.testing.assert_array_equal(together, X)


def test_a_generator_is_read_no_further_than_needed():
    read = []

    def batches():
        for i in range(5):
            read.append(i)
            yield {"image": X[i : i + 1]}

    data = Data(batches(), FREE)
    data.first(1)
    assert read == [0]
    assert joined(data)[0] == [1] * 5
    assert read == [0, 1, 2, 3, 4]


def test_module_and_function(tmp_path, monkeypatch):
    (tmp_path / "my_batches.py").write_text("import numpy as np\ndef calib():\n    yield np.ones((3, 7), np.float32)\n")
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(sys, "path", [*sys.path])
    data = Data("my_batches:calib", FREE)
    assert joined(data)[0] == joined(data)[0] == [3]


def test_inputs_without_a_common_batch_go_in_as_they_are():
    g = graph(("N", 7), (2, 1, 3))
    (batch,) = Data([{"image": X, "state": np.zeros((2, 1, 3), np.float32)}], g).batches(4)
    assert batch.feed["image"].shape == (10, 7)


def bad(array, **more):
    return [{"image": array, **more}]


NAN = X.copy()
NAN[3, 2] = np.nan
BROKEN = {
    "dtype": (bad(X.astype(np.float64)), "'image' has elements of type float64, the model takes float32; convert"),
    "rank": (bad(X[0]), "'image' has shape [7], the model takes float32[N,7]"),
    "shape": (bad(X[:, :6]), "input 'image' is float32[N,7] with N=10, got shape [10, 6]"),
    "nan": (bad(NAN), "'image' has nan at [3, 2]; calibration needs finite numbers"),
    "inf": (bad(X - np.float32(np.inf)), "'image' has -inf at [0, 0]"),
    "missing": (
        [{"img": X}],
        "has no array 'image' (or 'x'); the model takes image: float32[N,7], the data has ['img']",
    ),
    "no batch": ([], "is empty; at least one sample is needed"),
    "no sample": (bad(X[:0]), "is empty; at least one sample is needed"),
    "labels": (bad(X, y=np.arange(9)), "9 labels (y) for 10 samples"),
    "kind": (3, "got int"),
    "one dict": ({"image": X}, "got dict"),
    "no file": ("nowhere.npz", "data nowhere.npz: there is no such file"),
    "no module": ("nowhere:f", "data nowhere:f: No module named 'nowhere'; it is a path to an .npz or module:function"),
    "no function": ("json:nothing", "has no attribute 'nothing'"),
}


@pytest.mark.parametrize(("source", "message"), BROKEN.values(), ids=BROKEN.keys())
def test_messages(source, message):
    with pytest.raises(DataError, match=re.escape(message)):
        list(Data(source, FREE).batches())


def test_broken_files(tmp_path):
    (tmp_path / "text.npz").write_text("no archive")
    np.savez(tmp_path / "cut.npz", x=X)
    (tmp_path / "cut.npz").write_bytes((tmp_path / "cut.npz").read_bytes()[:100])
    np.save(tmp_path / "single.npy", X)
    (tmp_path / "single.npy").rename(tmp_path / "single.npz")
    for name, message in (
        ("text", "cannot be read as .npz"),
        ("cut", "cannot be read as .npz"),
        ("single", "holds a single array"),
    ):
        with pytest.raises(DataError, match=message):
            list(Data(tmp_path / f"{name}.npz", FREE).batches())


def test_several_inputs_of_different_length():
    g = graph(("N", 7), ("N", 2))
    with pytest.raises(DataError, match="different numbers of samples: image \\[10, 7\\], state \\[3, 2\\]"):
        list(Data([{"image": X, "state": np.zeros((3, 2), np.float32)}], g).batches())
    with pytest.raises(DataError, match="a batch is a dict with keys 'image', 'state'"):
        list(Data([X], g).batches())
