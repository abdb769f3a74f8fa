"""Small students with and without a teacher: an 800-800 MLP (Hinton et al. 2015) and a narrow CNN, on Fashion-MNIST.

    python -m benchmarks.distill [--students mlp cnn] [--seeds 5] [--labelled 60000] [--epochs 8] [--work FOLDER]

A student begins at random weights, drawn by the seed, and learns in several ways with equally many steps:

    labels      from the labelled images, without a teacher
    teacher     from what the teacher says to the same images; labels are not looked at
    shifted     the same, of images shifted by up to 2 pixels, as Hinton did, too
    transfer    from what the teacher says to all 60,000 training images, most of which then have no labels
    mixed       the same, of their mirror images and of mixtures of two, too (Beyer et al. 2021, arXiv:2106.05237)

The teacher is the mean of the logits of trained networks of examples/, each on the image and on its mirror image. It is
asked once; its answers go to the students in the array ``teacher`` of their data. What is measured is kept in
``--work``: the command goes on where it was ended. Errors are on the whole test set, in one thread.
"""

from __future__ import annotations

import argparse
import hashlib
import json
import tempfile
from pathlib import Path

import numpy as np
import numpy.typing as npt
import onnxruntime
import torch
from torch import nn

import lissom as ls
from benchmarks import sections
from examples import fashion_mnist, networks
from lissom.passes.report import Size

Array = npt.NDArray[np.float32]
WAYS = ("labels", "teacher", "shifted", "transfer", "mixed")
SHIFT = 2
MIXING = 0
"""Seed of mixtures, the same for all students: the teacher is slower than they are."""
SETTINGS = ("teacher", "labelled", "epochs", "batch", "lr", "temperature")
"""Options that an error depends on."""


def student(name: str, seed: int) -> ls.Graph:
    """A student with random weights, its batch free."""
    torch.manual_seed(seed)
    if name == "mlp":
        body = [nn.Flatten(), nn.Linear(784, 800), nn.ReLU(), nn.Linear(800, 800), nn.ReLU(), nn.Linear(800, 10)]
    else:
        body, inside = [], 1
        for outside in (8, 16, 32):
            body += [nn.Conv2d(inside, outside, 3, padding=1), nn.ReLU(), nn.MaxPool2d(2)]
            inside = outside
        body += [nn.AdaptiveAvgPool2d(1), nn.Flatten(), nn.Linear(32, 10)]
    free = ({0: torch.export.Dim.DYNAMIC},)
    return ls.from_torch(nn.Sequential(*body).eval(), (torch.zeros(2, 1, 28, 28),), dynamic_shapes=free)


def logits(graph: ls.Graph, x: Array) -> Array:
    return np.concatenate([ls.evaluate(graph, x[i : i + 500])[0] for i in range(0, len(x), 500)])


def answers(name: str, x: Array) -> Array:
    """The logits of a network of examples/, by onnxruntime."""
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = 1
    session = onnxruntime.InferenceSession(networks.FOLDER / f"{name}.onnx", options)
    return np.concatenate([session.run(None, {"x": x[i : i + 500]})[0] for i in range(0, len(x), 500)])


def mirrored(x: Array) -> Array:
    return np.ascontiguousarray(x[..., ::-1])


def shifted(x: Array, seed: int) -> Array:
    """Each image moved by up to SHIFT pixels along each axis."""
    rng = np.random.default_rng(seed)
    wide = np.pad(x, [(0, 0), (0, 0), (SHIFT, SHIFT), (SHIFT, SHIFT)], constant_values=x.min())
    moves = rng.integers(0, 2 * SHIFT + 1, (len(x), 2))
    return np.stack([image[:, i : i + 28, j : j + 28] for image, (i, j) in zip(wide, moves, strict=True)])


def mixtures(x: Array, seed: int) -> Array:
    """Each image with another one, in a share of its own."""
    rng = np.random.default_rng(seed)
    share = rng.random((len(x), 1, 1, 1), dtype=np.float32)
    return share * x + (1 - share) * x[rng.permutation(len(x))]


class Teacher:
    """Networks that answer together; what they say is kept in ``work``."""

    def __init__(self, names: list[str], work: Path) -> None:
        self.names, self.work = names, work

    def __call__(self, x: Array) -> Array:
        digest = hashlib.blake2b(x.tobytes() + repr(self.names).encode(), digest_size=8).hexdigest()
        path = self.work / f"teacher-{digest}.npy"
        if not path.exists():
            said = [answers(n, v) for n in self.names for v in (x, mirrored(x))]
            np.save(path, np.mean(said, axis=0))
        return np.load(path)


def learned(name: str, way: str, seed: int, options: argparse.Namespace, teacher: Teacher) -> ls.Graph:
    """The student after it learned in this way."""
    x, y = fashion_mnist.read("train")
    chosen = np.random.default_rng(seed).choice(len(x), options.labelled, replace=False)
    steps, batch = options.epochs * options.labelled, options.batch
    seen, labels = x[chosen], y[chosen]
    if way == "transfer":
        seen = x
    elif way == "shifted":
        seen = np.concatenate([seen, shifted(seen, seed)])
    elif way == "mixed":
        seen = np.concatenate([x, mirrored(x), mixtures(x, MIXING)])
    how = f"epochs={max(1, round(steps / len(seen)))}, lr={options.lr}, batch={batch}"
    if way == "labels":
        return ls.run(f"finetune({how})", student(name, seed), data=[{"x": seen, "y": labels}], seed=seed, check=False)
    if way == "shifted":
        said = np.concatenate([teacher(x)[chosen], teacher(seen[len(chosen) :])])
    elif way == "mixed":  # an image and its mirror image have the same answer
        said = np.concatenate([teacher(x), teacher(x), teacher(seen[2 * len(x) :])])
    else:
        said = teacher(x) if way == "transfer" else teacher(x)[chosen]
    how += f", hard=0, temperature={options.temperature}"
    data = [{"x": seen, "teacher": said}]
    return ls.run(f"distill({how})", student(name, seed), data=data, seed=seed, check=False)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--students", nargs="+", choices=("mlp", "cnn"), default=["mlp", "cnn"])
    parser.add_argument("--teacher", nargs="+", choices=networks.NETWORKS, default=["resnet8", "vgg"])
    parser.add_argument("--ways", nargs="+", choices=WAYS, default=list(WAYS))
    parser.add_argument("--seeds", type=int, default=5)
    parser.add_argument("--labelled", type=int, default=60_000)
    parser.add_argument("--epochs", type=int, default=8)
    parser.add_argument("--batch", type=int, default=128)
    parser.add_argument("--lr", type=float, default=1e-3)
    parser.add_argument("--temperature", type=float, default=2.0)
    parser.add_argument("--work", type=Path, default=Path(tempfile.gettempdir(), "lissom-distill"))
    parser.add_argument("--write", action="store_true", help="put the table into docs/results.md")
    options = parser.parse_args()
    torch.set_num_threads(1)
    options.work.mkdir(parents=True, exist_ok=True)
    test_x, test_y = fashion_mnist.read("test")
    teacher = Teacher(options.teacher, options.work)

    def error(said: Array) -> float:
        return float((said.argmax(1) != test_y).mean())

    settings = {k: v for k, v in vars(options).items() if k in SETTINGS}
    errors: dict[tuple[str, str], list[float]] = {}
    for name in options.students:
        for seed in range(options.seeds):
            for way in options.ways:
                key = json.dumps({**settings, "student": name, "way": way, "seed": seed}, sort_keys=True)
                record = options.work / f"{hashlib.blake2b(key.encode(), digest_size=8).hexdigest()}.json"
                if not record.exists():
                    found = error(logits(learned(name, way, seed, options, teacher), test_x))
                    record.write_text(json.dumps({"of": json.loads(key), "error": found}) + "\n")
                errors.setdefault((name, way), []).append(json.loads(record.read_text())["error"])
                print(f"{name}, seed {seed}, {way}: {errors[name, way][-1]:.2%}", flush=True)
    rows = []
    for (name, way), found in errors.items():
        alone = np.mean(errors[name, "labels"]) if (name, "labels") in errors else np.nan
        macs = Size.of(student(name, 0)).macs
        each = f"{np.mean(found):.2%} ± {100 * np.std(found):.2f}"
        rows.append([name, f"{macs:,}", way, each, f"{np.mean(found) / alone:.3f}"])
    said = (
        f"`python -m benchmarks.distill --students {' '.join(options.students)} --ways {' '.join(options.ways)} "
        f"{' '.join(f'--{k} {v}' for k, v in settings.items() if k != 'teacher')} "
        f"--seeds {options.seeds} --teacher {' '.join(options.teacher)}`: {options.labelled:,} labelled images, as "
        f"many steps as {options.epochs} epochs of them. Error on 10,000 test images, mean and standard deviation over "
        f"{options.seeds} seeds; that of the teacher is {error(teacher(test_x)):.2%}."
    )
    table = [said, "", *sections.markdown(["student", "MACs", "learns from", "error", "of that with labels"], rows)]
    print("", *table, sep="\n")
    if options.write:
        sections.write("results.md", f"distill-{options.labelled}-{'-'.join(options.students)}", table)


if __name__ == "__main__":
    main()
