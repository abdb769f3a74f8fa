"""Reads Fashion-MNIST from its four ``idx.gz`` files, the way the networks of this folder take it.

A network takes ``x``: float32, N x 1 x 28 x 28, each pixel ``(p / 255 - MEAN) / STD`` with p in 0..255; MEAN and STD
are those of the training set. Labels ``y`` are int64 in 0..9.

    python -m examples.fashion_mnist          writes examples/data/fashion_mnist_{calib,test}.npz
"""

from __future__ import annotations

import argparse
import gzip
from pathlib import Path
from typing import Literal

import numpy as np
import numpy.typing as npt

DEBIAN_FOLDER = Path("/usr/share/datasets/fashion-mnist")
DATA = Path(__file__).parent / "data"
MEAN, STD = 0.2860, 0.3530
CLASSES = ("T-shirt", "Trouser", "Pullover", "Dress", "Coat", "Sandal", "Shirt", "Sneaker", "Bag", "Ankle boot")
CALIB_SEED = 2024

Pixels = npt.NDArray[np.uint8]
Images = npt.NDArray[np.float32]
Labels = npt.NDArray[np.int64]


def read(split: Literal["train", "test"], folder: Path = DEBIAN_FOLDER) -> tuple[Images, Labels]:
    """All images and labels of a split, normalised. Raises FileNotFoundError that says where to get the files."""
    pixels, labels = read_raw(split, folder)
    return normalise(pixels), labels


def read_raw(split: Literal["train", "test"], folder: Path = DEBIAN_FOLDER) -> tuple[Pixels, Labels]:
    """All images (uint8, N x 1 x 28 x 28) and labels of a split, as the files hold them."""
    stem = {"train": "train", "test": "t10k"}[split]
    images = _read_idx(folder / f"{stem}-images-idx3-ubyte.gz")
    labels = _read_idx(folder / f"{stem}-labels-idx1-ubyte.gz")
    return images[:, None], labels.astype(np.int64)


def normalise(pixels: Pixels) -> Images:
    """What the networks take, from pixels in 0..255."""
    table = ((np.arange(256) / 255 - MEAN) / STD).astype(np.float32)
    return table[pixels]


def balanced(labels: Labels, count: int, seed: int) -> npt.NDArray[np.int64]:
    """Indices of ``count`` items, equally many of each class, drawn without replacement, in random order."""
    rng = np.random.default_rng(seed)
    classes = np.unique(labels)
    chosen = [rng.choice(np.flatnonzero(labels == c), count // len(classes), replace=False) for c in classes]
    return rng.permutation(np.concatenate(chosen))


def _read_idx(path: Path) -> Pixels:
    """An array of unsigned bytes in the IDX format (http://yann.lecun.com/exdb/mnist, archived)."""
    if not path.exists():
        raise FileNotFoundError(
            f"{path} is missing: install the Debian package dataset-fashion-mnist, or pass the folder "
            "that holds the four *-ubyte.gz files"
        )
    raw = gzip.decompress(path.read_bytes())
    if raw[:3] != b"\0\0\x08" or len(raw) < 4:
        raise ValueError(f"{path} is not an IDX file of unsigned bytes")
    rank = raw[3]
    shape = np.frombuffer(raw, ">u4", rank, 4)
    return np.frombuffer(raw, np.uint8, offset=4 + 4 * rank).reshape(shape)


def write_samples(folder: Path = DEBIAN_FOLDER) -> None:
    """The two samples kept in the repository: 100 training images a class, and the first 2,000 test images."""
    DATA.mkdir(exist_ok=True)
    x, y = read("train", folder)
    chosen = balanced(y, 1000, CALIB_SEED)
    np.savez_compressed(DATA / "fashion_mnist_calib.npz", x=x[chosen], y=y[chosen])
    x, y = read("test", folder)
    np.savez_compressed(DATA / "fashion_mnist_test.npz", x=x[:2000], y=y[:2000])


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--data", type=Path, default=DEBIAN_FOLDER, help="folder of the four idx.gz files")
    write_samples(parser.parse_args().data)
