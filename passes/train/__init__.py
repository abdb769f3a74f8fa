"""Learning again: training on the graph itself, against labels, against the network it was, or both."""

from __future__ import annotations

from typing import Any, Literal

from lissom.ir.errors import Error
from lissom.ir.graph import Graph
from lissom.passes.data import Data
from lissom.passes.graph_pass import Kind, graph_pass
from lissom.passes.options import Function
from lissom.passes.rule import rewrite
from lissom.passes.train import losses, penalties
from lissom.passes.train.loop import Device, Settings, learn
from lissom.passes.train.network import Network
from lissom.passes.train.objective import Objective
from lissom.passes.train.sparsity import apply_mask


@graph_pass(Kind.decide)
def finetune(
    graph: Graph,
    *,
    epochs: int = 1,
    lr: float = 1e-3,
    loss: Literal["labels"] | Function = "labels",
    batch: int = 128,
    optimizer: Literal["sgd", "adamw"] = "adamw",
    schedule: Literal["cosine", "linear", "constant"] = "cosine",
    decay: float = 1e-4,
    batch_norm: Literal["frozen", "batch"] = "frozen",
    dropout: bool = False,
    penalty: dict[penalties.Name, float] | None = None,
    sparsity: float | None = None,
    shuffle: bool = True,
    holdout: float = 0.0,
    patience: int | None = None,
    device: Device = "auto",
    checkpoint: str | None = None,
    every: float = 30.0,
    progress: bool | None = None,
    data: Data,
    seed: int,
) -> None:
    """Train the parameters on labelled data; masks, grids and shapes stay.

    epochs: how often all data is gone through.
    lr: the learning rate it begins with.
    loss: labels is cross entropy for classes and squared error for numbers; or a function of outputs, None and labels.
    batch: samples a step.
    optimizer: sgd has Nesterov momentum 0.9.
    schedule: how the learning rate falls to zero.
    decay: weight decay of weights of two or more axes.
    batch_norm: whether batch normalizations keep their statistics, or take those of each batch and learn them.
    dropout: whether Dropout drops.
    penalty: terms that make weights small, by strength, such as {l1: 1e-5}; see docs/training.md.
    sparsity: share of each weight to mask in the end, smallest magnitudes first, rising over the first two thirds.
    shuffle: whether data is kept in memory and drawn in random order; false reads it as it comes, anew every epoch.
    holdout: share of the data to measure on instead.
    patience: epochs without improvement on held-out data after which to stop and take the best; none: never.
    device: auto is CUDA where there is some.
    checkpoint: folder for checkpoints, from which the same run goes on if it is killed.
    every: seconds between checkpoints.
    progress: whether to show a progress bar; none: where stderr is a terminal.
    """
    settings = Settings(
        epochs=epochs,
        lr=lr,
        batch=batch,
        optimizer=optimizer,
        schedule=schedule,
        decay=decay,
        batch_norm=batch_norm,
        dropout=dropout,
        penalty=penalty or {},
        sparsity=sparsity,
        shuffle=shuffle,
        holdout=holdout,
        patience=patience,
        device=device,
        checkpoint=checkpoint,
        every=every,
        progress=progress,
    )
    terms = {} if loss == "labels" else {str(loss): 1.0}

    def objective(student: Network, labelled: bool) -> Objective:
        return Objective(student, None, terms, hard=None, labelled=labelled)

    learn(graph, data, settings, seed, objective, "finetune", str(loss))


@graph_pass(Kind.decide)
def distill(
    graph: Graph,
    *,
    epochs: int = 1,
    lr: float = 1e-3,
    loss: losses.Name | Function | dict[losses.Name | Function, float] = "logits",
    temperature: float = 4.0,
    hard: float | None = None,
    layers: dict[str, str] | tuple[str, ...] | None = None,
    teacher_model: str | None = None,
    batch: int = 128,
    optimizer: Literal["sgd", "adamw"] = "adamw",
    schedule: Literal["cosine", "linear", "constant"] = "cosine",
    decay: float = 1e-4,
    batch_norm: Literal["frozen", "batch"] = "frozen",
    dropout: bool = False,
    penalty: dict[penalties.Name, float] | None = None,
    sparsity: float | None = None,
    shuffle: bool = True,
    holdout: float = 0.0,
    patience: int | None = None,
    device: Device = "auto",
    checkpoint: str | None = None,
    every: float = 30.0,
    progress: bool | None = None,
    data: Data,
    seed: int,
    teacher: Graph,
) -> None:
    """Train the parameters to do what the uncompressed network does; masks, grids and shapes stay.

    epochs: how often all data is gone through.
    lr: the learning rate it begins with.
    loss: what is compared: softened logits, outputs, hints (features), attention maps, blocks (one by one, no labels),
        a function of outputs, the teacher's outputs and labels; or several with weights, {logits: 1, attention: 100}.
    temperature: what softens logits.
    hard: share of the loss that is on labels; none: one half where the data has labels (none for blocks, functions).
    layers: names of the ops that hints, attention and blocks compare, or the teacher's names by the student's.
    teacher_model: ONNX file of another teacher than the network the run began with.
    batch: samples a step.
    optimizer: sgd has Nesterov momentum 0.9.
    schedule: how the learning rate falls to zero.
    decay: weight decay of weights of two or more axes.
    batch_norm: whether batch normalizations keep their statistics, or take those of each batch and learn them.
    dropout: whether Dropout drops.
    penalty: terms that make weights small, by strength, such as {l1: 1e-5}; see docs/training.md.
    sparsity: share of each weight to mask in the end, smallest magnitudes first, rising over the first two thirds.
    shuffle: whether data is kept in memory and drawn in random order; false reads it as it comes, anew every epoch.
    holdout: share of the data to measure on instead.
    patience: epochs without improvement on held-out data after which to stop and take the best; none: never.
    device: auto is CUDA where there is some.
    checkpoint: folder for checkpoints, from which the same run goes on if it is killed.
    every: seconds between checkpoints.
    progress: whether to show a progress bar; none: where stderr is a terminal.
    """
    if temperature <= 0:
        raise Error(f"temperature is above 0, got {temperature:g}")
    if hard is not None and not 0 <= hard <= 1:
        raise Error(f"hard is between 0 and 1, got {hard:g}")
    settings = Settings(
        epochs=epochs,
        lr=lr,
        batch=batch,
        optimizer=optimizer,
        schedule=schedule,
        decay=decay,
        batch_norm=batch_norm,
        dropout=dropout,
        penalty=penalty or {},
        sparsity=sparsity,
        shuffle=shuffle,
        holdout=holdout,
        patience=patience,
        device=device,
        checkpoint=checkpoint,
        every=every,
        progress=progress,
    )
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


@graph_pass(Kind.realize)
def apply_masks(graph: Graph) -> None:
    """Write the zeros of masked weights into the weights; what is trained later may fill them again."""
    rewrite(graph, [apply_mask])
