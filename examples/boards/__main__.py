"""Builds firmware that runs a network on test images, and starts it on an emulated board.

    python -m examples.boards {mps2-an386|mps3-an547} [--network lenet5] [--images 10] [--out FOLDER]

mps2-an386 has a Cortex-M4, mps3-an547 a Cortex-M55 with vectors. README.md says how to do by hand what is done here.
"""

from __future__ import annotations

import argparse
import subprocess
from pathlib import Path

import numpy as np

import lissom as ls
from examples import networks

TARGETS = {"mps2-an386": "cortex-m4", "mps3-an547": "cortex-m55"}
NAMES = ["T-shirt", "trousers", "pullover", "dress", "coat", "sandal", "shirt", "sneaker", "bag", "boot"]


def images_header(images: np.ndarray, labels: np.ndarray) -> str:
    """C that holds quantized images, labels and the names of the classes."""
    rows = [f"    {{{', '.join(map(str, image.reshape(-1).tolist()))}}}," for image in images]
    quoted = ", ".join(f'"{name}"' for name in NAMES)
    return "\n".join(
        [
            f"enum {{ IMAGES = {len(images)}, CLASSES = {len(NAMES)} }};",
            f"static const int8_t images[IMAGES][{images[0].size}] = {{",
            *rows,
            "};",
            f"static const uint8_t labels[IMAGES] = {{{', '.join(map(str, labels.tolist()))}}};",
            f"static const char *const names[CLASSES] = {{{quoted}}};",
            "",
        ]
    )


def build(board: str, network: str, count: int, out: Path) -> Path:
    """Compile the network and the firmware around it."""
    data = networks.FOLDER / "data"
    graph = ls.load(networks.FOLDER / f"{network}.onnx")
    int8 = ls.run("fold, quantize(int8)", graph, data=str(data / "fashion_mnist_calib.npz"))
    report = ls.emit(int8, out / "network", target=TARGETS[board], io="int8")
    with np.load(data / "fashion_mnist_test.npz") as test:
        x, y = test["x"][:count], test["y"][:count]
    grid = report["inputs"][0]["quantization"]
    images = np.clip(np.rint(x / np.float32(grid["scale"])) + grid["zero_point"], -128, 127).astype(np.int8)
    (out / "build").mkdir(parents=True, exist_ok=True)
    (out / "build" / "images.h").write_text("#include <stdint.h>\n\n" + images_header(images, y), encoding="ascii")
    toolchain = out / "network" / "toolchain.cmake"
    here = Path(__file__).parent
    command = ["cmake", "-S", here, "-B", out / "build", f"-DNETWORK={(out / 'network').resolve()}"]
    subprocess.run([*command, f"-DCMAKE_TOOLCHAIN_FILE={toolchain.resolve()}"], check=True, stdout=subprocess.DEVNULL)
    subprocess.run(["cmake", "--build", out / "build"], check=True, stdout=subprocess.DEVNULL)
    return out / "build" / "classify.elf"


def start(board: str, firmware: Path) -> str:
    """What the firmware prints."""
    command = ["qemu-system-arm", "-M", board, "-nographic", "-monitor", "none", "-serial", "null"]
    command += ["-chardev", "stdio,id=out", "-semihosting-config", "enable=on,target=native,chardev=out"]
    done = subprocess.run([*command, "-kernel", firmware], stdin=subprocess.DEVNULL, capture_output=True, text=True)
    if done.returncode:
        raise SystemExit(f"the firmware ended with status {done.returncode}: {done.stdout}{done.stderr}")
    return done.stdout


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("board", choices=list(TARGETS))
    parser.add_argument("--network", default="lenet5", help="a network of examples/")
    parser.add_argument("--images", type=int, default=10)
    parser.add_argument("--out", type=Path, default=Path("firmware"), help="where to build; by default ./firmware")
    given = parser.parse_args()
    print(start(given.board, build(given.board, given.network, given.images, given.out)), end="")


if __name__ == "__main__":
    main()
