"""Learning again: training on the graph itself, against labels, against the network it was, or both."""

from __future__ import annotations

from collections.abc import Collection
from typing import Any, Literal

from lissom.ir.graph import Graph
from lissom.passes.data import Data
from lissom.passes.graph_pass import Kind, State, graph_pass
from lissom.passes.options import Function
from lissom.passes.rule import rewrite
from lissom.passes.train.loop import learn
from lissom.passes.train.network import Network
from lissom.passes.train.objective import Objective
from lissom.passes.train.settings import Settings
from lissom.passes.train.sparsity import apply_mask
from lissom.passes.train.teaching import Teaching


def _masks(options: dict[str, Any]) -> Collection[State]:
    return [State.maskless] if options["sparsity"] else []


@graph_pass(Kind.decide, needs=[State.floats], ends=_masks)
def finetune(
    graph: Graph, *, settings: Settings, loss: Literal["labels"] | Function = "labels", data: Data, seed: int
) -> None:
    """Train the parameters on labelled data; masks, grids and shapes stay.

    loss: labels is cross entropy for classes and squared error for numbers; or a function of outputs, None and labels.
    """
    terms = {} if loss == "labels" else {str(loss): 1.0}

    def objective(student: Network, labelled: bool) -> Objective:
        return Objective(student, None, terms, hard=None, labelled=labelled)

    learn(graph, data, settings, seed, objective, "finetune", str(loss))


@graph_pass(Kind.decide, needs=[State.floats], ends=_masks)
def distill(
    graph: Graph,
    *,
    settings: Settings,
    teaching: Teaching,
    data: Data,
    seed: int,
    teacher: Graph,
) -> None:
    """Train the parameters to do what the uncompressed network does; masks, grids and shapes stay."""
    if teaching.teacher_model is not None:
        from lissom.ir.importers.onnx import load

        teacher = load(teaching.teacher_model)
    compared: dict[str, Any] = {
        "terms": teaching.terms,
        "temperature": teaching.temperature,
        "hard": teaching.hard,
        "layers": teaching.layers,
    }

    def objective(student: Network, labelled: bool) -> Objective:
        return Objective(student, Network(teacher, student.device), **compared, labelled=labelled, seed=seed)

    learn(graph, data, settings, seed, objective, teacher, f"distill {compared}")


@graph_pass(Kind.realize, gives=[State.maskless])
def apply_masks(graph: Graph) -> None:
    """Write the zeros of masked weights into the weights; what is trained later may fill them again."""
    rewrite(graph, [apply_mask])
