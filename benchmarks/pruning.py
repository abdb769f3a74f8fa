"""Half the channels of small networks by this project, Torch-Pruning and onnxsim, in one run.

``python benchmarks/pruning.py [--all] [NAME ...]``: the eleven networks of the list below, all of ``tests/zoo``, or
those named. Prints a Markdown table of the parameters left, and for this project how far the shrunk network is from the
masked one. Torch-Pruning removes half of every layer by magnitude, as we do. onnxsim prunes nothing: it simplifies, and
stands for what needs no decision. Peers that are not installed are left out, with a message
(``pip install torch-pruning onnxsim``).
"""

from __future__ import annotations

import argparse
import copy
import importlib.util
import sys
import warnings
from collections.abc import Callable
from pathlib import Path
from typing import Any

import onnx
import torch
from torch import nn

from lissom.passes.runner import run

ROOT = Path(__file__).parents[1]
sys.path.insert(0, str(ROOT / "tests"))

from zoo import ZOO  # noqa: E402
from zoo.doors import by_torch, onnx_bytes  # noqa: E402

NETWORKS = [
    *("lenet", "resnet", "resnext", "mobilenet_v3", "densenet", "shufflenet_v2", "yolo_c2f", "unet", "pixel_shuffle"),
    *("vit_fused_qkv", "groupnorm_resnet"),
]

RATIO = 0.5


def lissom(module: nn.Module, args: tuple[Any, ...]) -> str:
    """Share of parameters left, and the largest difference between masked and shrunk relative to the range."""
    _, report = run(f"prune(channels, {RATIO})", by_torch(module, args), report=True)
    shrink = next(row for row in report.rows if row.name.startswith("shrink"))
    if shrink.error is None:
        return f"**not checked**: {shrink.check}"
    share = report.rows[-1].after.parameters / report.rows[0].after.parameters
    return f"{share:.1%} (masked and shrunk differ by {shrink.error:.0e})"


def torch_pruning(module: nn.Module, args: tuple[Any, ...]) -> str:
    """Its MagnitudePruner over the whole module, heads and width as its documentation says; then one run."""
    import torch_pruning as tp

    module = copy.deepcopy(module)
    last = [m for m in module.modules() if isinstance(m, nn.Linear | nn.Conv1d | nn.Conv2d | nn.Conv3d)][-1]
    before = sum(p.numel() for p in module.parameters())
    importance = tp.importance.GroupMagnitudeImportance(p=1)
    pruner = tp.pruner.MagnitudePruner(
        module, args if len(args) > 1 else args[0], importance, pruning_ratio=RATIO, ignored_layers=[last]
    )
    pruner.step()
    with torch.no_grad():
        module(*args)
    return f"{sum(p.numel() for p in module.parameters()) / before:.1%}"


def onnxsim(module: nn.Module, args: tuple[Any, ...]) -> str:
    """Its simplify over the ONNX file."""
    import onnxsim as peer

    model = onnx.load_model_from_string(onnx_bytes(module, args))
    simplified, checked = peer.simplify(model)
    if not checked:
        return "**fails**: its own check"
    return f"{_elements(simplified) / sum(p.numel() for p in module.parameters()):.1%}"


def _elements(model: onnx.ModelProto) -> int:
    floats = (onnx.TensorProto.FLOAT, onnx.TensorProto.DOUBLE)
    sizes = [int(torch.Size(list(i.dims)).numel()) for i in model.graph.initializer if i.data_type in floats]
    return sum(sizes)


TOOLS: dict[str, tuple[str, Callable[[nn.Module, tuple[Any, ...]], str]]] = {
    "lissom": ("lissom", lissom),
    "Torch-Pruning": ("torch_pruning", torch_pruning),
    "onnxsim": ("onnxsim", onnxsim),
}


def attempt(tool: Callable[[nn.Module, tuple[Any, ...]], str], name: str) -> str:
    """What the tool leaves of a network, or what it says when it fails."""
    module, args = ZOO[name].built()
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            return tool(module, args)
    except Exception as e:  # a peer may raise anything: the table is of what it says
        text = " ".join(f"{type(e).__name__}: {e}".split())
        return f"**fails**: {text[:80]}".replace("|", "/")


def main() -> None:
    """Print the table."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("names", nargs="*", metavar="NAME", help="networks of tests/zoo")
    parser.add_argument("--all", action="store_true", help="all networks of tests/zoo")
    options = parser.parse_args()
    unknown = [n for n in options.names if n not in ZOO]
    if unknown:
        parser.error(f"no network is called {unknown[0]!r}; there are {', '.join(ZOO)}")
    torch.set_num_threads(1)
    tools = {}
    for title, (package, tool) in TOOLS.items():
        if importlib.util.find_spec(package) is None:
            print(f"{title} is not installed and is left out: pip install torch-pruning onnxsim", file=sys.stderr)
        else:
            tools[title] = tool
    print(f"| network | {' | '.join(tools)} |\n|---|{'---|' * len(tools)}")
    for name in options.names or (list(ZOO) if options.all else NETWORKS):
        print(f"| {name} | {' | '.join(attempt(tool, name) for tool in tools.values())} |", flush=True)


if __name__ == "__main__":
    main()
