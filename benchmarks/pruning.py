"""Half the channels of small networks by this project, Torch-Pruning and onnxsim, in one run.

    python -m benchmarks.pruning [--all] [--markdown] [--write] [NAME ...]

The eleven networks of the list below, all of ``tests/zoo``, or those named. ``--write`` puts the table into
docs/pruning.md. Needs ``pip install torch-pruning onnxsim``; a peer that is not installed is left out, with a message.

Every attempt runs in a process of its own with a time limit, so that a peer's crash ends that attempt only. What is
left is counted on the same ground for all: elements of floating constants and multiply-accumulates of lissom's graph of
the result, with batch normalization folded, beside those of the original. A result counts only if it runs and gives
outputs of the original's shapes: ours and onnxsim's under onnxruntime, Torch-Pruning's as the module it is.

Torch-Pruning is used as its documentation says: ``BasePruner`` with L1 group magnitude, ratio 0.5 in every layer, the
layers that give outputs ignored, the number of heads given for every projection of an attention and the modules' own
counts of heads updated afterwards. Where there is attention, whole heads are tried first (what lissom does), then the
width of heads, then attention left alone: the first that works counts. onnxsim prunes nothing: it simplifies, and
stands for what needs no decision.
"""

from __future__ import annotations

import argparse
import copy
import importlib.metadata
import importlib.util
import multiprocessing
import sys
import tempfile
import warnings
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from multiprocessing.connection import Connection
from pathlib import Path
from typing import Any

import onnx
import onnxruntime
import torch
from rich.console import Console
from rich.table import Table
from torch import nn

import lissom as ls
from benchmarks.sections import markdown, write
from lissom.ir.graph import Graph
from lissom.passes.runner import run

sys.path.insert(0, str(Path(__file__).parents[1] / "tests"))

from zoo import ZOO
from zoo.doors import by_torch, onnx_bytes

NETWORKS = [
    *("lenet", "resnet", "resnext", "mobilenet_v3", "densenet", "shufflenet_v2", "yolo_c2f", "unet", "pixel_shuffle"),
    *("vit_fused_qkv", "groupnorm_resnet"),
]

RATIO = 0.5
SECONDS = 180
"""How long an attempt may take."""


class Unfit(Exception):
    """A tool gave a result, and it does not do."""


@dataclass(frozen=True)
class Outcome:
    """Shares of parameters and multiply-accumulates left and a remark; or ``failure``, what the tool said."""

    parameters: float = 1.0
    macs: float = 1.0
    remark: str = ""
    failure: str = ""

    def cell(self) -> str:
        """As the table shows it."""
        if self.failure:
            return f"**fails**: {self.failure}"
        return f"{self.parameters:.1%}, {self.macs:.1%}" + (f" ({self.remark})" if self.remark else "")


@dataclass(frozen=True)
class Weight:
    """What counts of a graph."""

    parameters: int
    macs: int

    @staticmethod
    def of(graph: Graph) -> Weight:
        floats = [c.data.size for c in graph.consts if c.type.dtype.is_float]
        return Weight(sum(floats), sum(op.macs() for op in graph.ops))

    def beside(self, whole: Weight, remark: str = "") -> Outcome:
        return Outcome(self.parameters / whole.parameters, self.macs / max(whole.macs, 1), remark)


def lissom(module: nn.Module, args: tuple[Any, ...]) -> Outcome:
    """The pipeline; its remark is the largest difference between masked and shrunk, relative to the range."""
    whole = by_torch(module, args)
    small, report = run(f"prune(channels, {RATIO})", whole, report=True)
    shrink = next(row for row in report.rows if row.name.startswith("shrink"))
    if shrink.error is None:
        raise Unfit(f"not checked: {shrink.check}")
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder, "small.onnx")
        ls.save(small, path)
        _runs(path.read_bytes(), module, args)
    return Weight.of(small).beside(Weight.of(_folded(whole)), f"{shrink.error:.0e}")


def torch_pruning(module: nn.Module, args: tuple[Any, ...]) -> Outcome:
    """The first of its ways with attention that works; where none does, what the first one said."""
    whole = Weight.of(_folded(by_torch(module, args)))
    failure: Exception | None = None
    for way in ("heads", "width of heads", "attention kept") if _projections(module) else ("",):
        small = copy.deepcopy(module)
        try:
            _prune(small, args, way)
            _same_shapes(_outputs(small(*args)), module, args)
            return Weight.of(_folded(by_torch(small, args))).beside(whole, way)
        except Exception as e:
            failure = failure or e
    assert failure is not None
    raise failure


def _prune(module: nn.Module, args: tuple[Any, ...], way: str) -> None:
    import torch_pruning as tp

    projections = _projections(module)
    heads = {p: n for _, found in projections for p, n in found.items()}
    pruner = tp.pruner.BasePruner(
        module,
        args if len(args) > 1 else args[0],
        tp.importance.GroupMagnitudeImportance(p=1),
        pruning_ratio=RATIO,
        ignored_layers=[*_last_layers(module, args), *(heads if way == "attention kept" else [])],
        num_heads=heads,
        prune_num_heads=way == "heads",
        prune_head_dims=way == "width of heads",
        head_pruning_ratio=RATIO if way == "heads" else 0.0,
    )
    pruner.step()
    for attention, found in projections:
        left = [pruner.num_heads[p] for p in found]
        wide = next(iter(found)).out_features
        attention.heads = left[0]
        if hasattr(attention, "kv_heads"):
            attention.kv_heads, attention.each = left[1], wide // left[0]
        if hasattr(attention, "width"):
            attention.width = wide // 3


def _projections(module: nn.Module) -> list[tuple[Any, dict[nn.Linear, int]]]:
    """The attentions of a network of the zoo, with the heads of each of their projections."""
    found = []
    for m in module.modules():
        if isinstance(heads := getattr(m, "heads", None), int):
            names = ("qkv", "attend", "q", "k", "v")
            few = getattr(m, "kv_heads", heads)
            held = {getattr(m, n): few if n in "kv" else heads for n in names if hasattr(m, n)}
            if held:
                found.append((m, held))
    return found


def _last_layers(module: nn.Module, args: tuple[Any, ...]) -> list[nn.Module]:
    """The layers whose weights are the first met on the way back from the outputs."""
    owners = {id(p): m for m in module.modules() for p in m.parameters(recurse=False)}
    pending = [t.grad_fn for t in _outputs(module(*args)) if t.grad_fn is not None]
    seen: set[Any] = set()
    found: dict[nn.Module, None] = {}
    while pending:
        node = pending.pop()
        if node in seen:
            continue
        seen.add(node)
        behind = [n for n, _ in node.next_functions if n is not None]
        leaves = [n.variable for n in map(_leaf, behind) if n is not None]
        matrices = [owners[id(p)] for p in leaves if p.ndim > 1 and id(p) in owners]
        found.update(dict.fromkeys(matrices))
        if not matrices:
            pending += behind
    return list(found)


def _leaf(node: Any) -> Any:
    """The parameter's node behind at most a transposition."""
    if "TBackward" in node.name() or "TransposeBackward" in node.name():
        ((node, _),) = node.next_functions
    return node if hasattr(node, "variable") else None


def onnxsim(module: nn.Module, args: tuple[Any, ...]) -> Outcome:
    """Its simplify over the ONNX file."""
    import onnxsim as peer

    simplified, checked = peer.simplify(onnx.load_model_from_string(onnx_bytes(module, args)))
    if not checked:
        raise Unfit("its own check")
    data = simplified.SerializeToString()
    _runs(data, module, args)
    return Weight.of(ls.load(data)).beside(Weight.of(_folded(by_torch(module, args))))


def _folded(graph: Graph) -> Graph:
    return run("fold", graph, check=False)


def _runs(model: bytes, module: nn.Module, args: tuple[Any, ...]) -> None:
    """Check that an ONNX file runs and gives outputs of the original's shapes."""
    session = onnxruntime.InferenceSession(model, providers=["CPUExecutionProvider"])
    names = [i.name for i in session.get_inputs()]
    found = session.run(None, {n: a.numpy() for n, a in zip(names, args, strict=True)})
    _same_shapes([torch.from_numpy(y) for y in found], module, args)


def _same_shapes(found: list[torch.Tensor], module: nn.Module, args: tuple[Any, ...]) -> None:
    with torch.no_grad():
        want = [tuple(y.shape) for y in _outputs(module(*args))]
    if (got := [tuple(y.shape) for y in found]) != want:
        raise Unfit(f"outputs of shapes {got} in place of {want}")


def _outputs(result: Any) -> list[torch.Tensor]:
    """All tensors of a module's result."""
    return [t for t in torch.utils._pytree.tree_leaves(result) if isinstance(t, torch.Tensor)]


TOOLS: dict[str, tuple[str, Callable[[nn.Module, tuple[Any, ...]], Outcome]]] = {
    "lissom": ("lissom", lissom),
    "Torch-Pruning": ("torch-pruning", torch_pruning),
    "onnxsim": ("onnxsim", onnxsim),
}


def _work(tool: str, name: str, pipe: Connection) -> None:
    """One attempt, in a process of its own."""
    torch.set_num_threads(1)
    module, args = ZOO[name].built()
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            outcome = TOOLS[tool][1](module, args)
    except Exception as e:  # a peer may raise anything: the table is of what it says
        text = " ".join(f"{type(e).__name__}: {e}".split()).replace("|", "/")
        outcome = Outcome(failure=text if len(text) <= 80 else f"{text[:77]}...")
    pipe.send(outcome)


def attempt(tool: str, name: str) -> Outcome:
    """What a tool leaves of a network, or how it fails: with an error, a crash, or no end in sight."""
    context = multiprocessing.get_context("fork")
    ours, theirs = context.Pipe(duplex=False)
    process = context.Process(target=_work, args=(tool, name, theirs))
    process.start()
    theirs.close()
    try:
        if not ours.poll(SECONDS):
            return Outcome(failure=f"no result in {SECONDS} seconds")
        outcome: Outcome = ours.recv()
        return outcome
    except EOFError:
        process.join()
        return Outcome(failure=f"its process ended with {process.exitcode}")
    finally:
        process.kill()
        process.join()


def rows(names: list[str], tools: list[str]) -> Iterator[list[Outcome]]:
    """The outcomes of each network in turn."""
    for name in names:
        yield [attempt(tool, name) for tool in tools]


def main() -> None:
    """Measure, print and perhaps write the table."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("names", nargs="*", metavar="NAME", help="networks of tests/zoo")
    parser.add_argument("--all", action="store_true", help="all networks of tests/zoo")
    parser.add_argument("--markdown", action="store_true", help="print the table as Markdown")
    parser.add_argument("--write", action="store_true", help="write the table into docs/pruning.md")
    options = parser.parse_args()
    if unknown := [n for n in options.names if n not in ZOO]:
        parser.error(f"no network is called {unknown[0]!r}; there are {', '.join(ZOO)}")
    torch.set_num_threads(1)
    names = options.names or (list(ZOO) if options.all else NETWORKS)
    tools = []
    for tool, (package, _) in TOOLS.items():
        if importlib.util.find_spec(package.replace("-", "_")) is None:
            print(f"{tool} is not installed and is left out: pip install {package}", file=sys.stderr)
        else:
            tools.append(tool)
    headings = ["network", *(f"{t} {_version(t)}".strip() for t in tools)]
    found = []
    for name, outcomes in zip(names, rows(names, tools), strict=True):
        found.append(outcomes)
        print(name, *(o.cell() for o in outcomes), sep=" | ", file=sys.stderr, flush=True)
    cells = [[n, *(o.cell() for o in outcomes)] for n, outcomes in zip(names, found, strict=True)]
    cells.append(["", *(_summary(column) for column in zip(*found, strict=True))])
    if options.markdown:
        print("\n".join(markdown(headings, cells)))
    else:
        table = Table(*headings)
        for row in cells:
            table.add_row(*row)
        Console().print(table)
    if options.write:
        write("pruning.md", "peers", markdown(headings, cells))


def _version(tool: str) -> str:
    return "" if tool == "lissom" else importlib.metadata.version(TOOLS[tool][0])


def _summary(outcomes: tuple[Outcome, ...]) -> str:
    done = [o for o in outcomes if not o.failure]
    if not done:
        return "none done"
    middle = sorted(o.parameters for o in done)[len(done) // 2]
    return f"{len(done)} of {len(outcomes)} done, median {middle:.1%}"


if __name__ == "__main__":
    main()
