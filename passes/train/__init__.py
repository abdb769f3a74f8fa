"""Learning again: training on the graph itself, against labels, against the network it was, or both."""

from __future__ import annotations

from collections.abc import Collection
from typing import Any, Literal

from lissom.ir.errors import Error
from lissom.ir.graph import Graph
from lissom.passes.data import Data
from lissom.passes.graph_pass import Kind, State, graph_pass
from lissom.passes.options import Function
from lissom.passes.rule import rewrite
from lissom.passes.train import losses
from lissom.passes.train.loop import learn
from lissom.passes.train.network import Network
from lissom.passes.train.objective import Objective
from lissom.passes.train.settings import Settings
from lissom.passes.train.sparsity import apply_mask


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
    loss: losses.Name | Function | dict[losses.Name | Function, float] = "logits",
    temperature: float = 4.0,
    hard: float | None = None,
    layers: dict[str, str] | tuple[str, ...] | None = None,
    teacher_model: str | None = None,
    data: Data,
    seed: int,
    teacher: Graph,
) -> None:
    """Train the parameters to do what the uncompressed network does; masks, grids and shapes stay.

    loss: what is compared: softened logits, outputs, hints (features), attention maps, blocks (one by one, no labels),
        a function of outputs, the teacher's outputs and labels; or several with weights, {logits: 1, attention: 100}.
    temperature: what softens logits.
    hard: share of the loss that is on labels; none: one half where the data has labels (none for blocks, functions).
    layers: names of the ops that hints, attention and blocks compare, or the teacher's names by the student's.
    teacher_model: ONNX file of another teacher than the network the run began with.
    """
    if temperature <= 0:
        raise Error(f"temperature is above 0, got {temperature:g}")
    if hard is not None and not 0 <= hard <= 1:
        raise Error(f"hard is between 0 and 1, got {hard:g}")
    if teacher_model is not None:
        from lissom.ir.importers.onnx import load

        teacher = load(teacher_model)
    terms: dict[str, float] = {str(n): w for n, w in loss.items()} if isinstance(loss, dict) else {str(loss): 1.0}

    def objective(student: Network, labelled: bool) -> Objective:
        return Objective(
            student,
            Network(teacher, student.device),
            terms,
            hard=hard,
            labelled=labelled,
            temperature=temperature,
            layers=layers,
            seed=seed,
        )

    how: dict[str, Any] = {"terms": terms, "temperature": temperature, "hard": hard, "layers": layers}
    learn(graph, data, settings, seed, objective, teacher, f"distill {how}")


@graph_pass(Kind.realize, gives=[State.maskless])
def apply_masks(graph: Graph) -> None:
    """Write the zeros of masked weights into the weights; what is trained later may fill them again."""
    rewrite(graph, [apply_mask])
