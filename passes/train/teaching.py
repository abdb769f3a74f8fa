"""What is learned from a teacher, and how much of it."""

from __future__ import annotations

from dataclasses import dataclass

from lissom.ir.errors import Error
from lissom.passes.options import Function, Options
from lissom.passes.train import losses


@dataclass(frozen=True, kw_only=True)
class Teaching(Options):
    """What is compared with the teacher. Raises Error for a number that means nothing.

    loss: what is compared: softened logits, outputs, hints (features), attention maps, blocks (one by one, no labels),
        a function of outputs, the teacher's outputs and labels; or several with weights, {logits: 1, attention: 100}.
    temperature: what softens logits.
    hard: share of the loss that is on labels; none: one half where the data has labels (none for blocks, functions).
    layers: names of the ops that hints, attention and blocks compare, or the teacher's names by the student's.
    teacher_model: ONNX file of another teacher than the network the run began with.
    """

    loss: losses.Name | Function | dict[losses.Name | Function, float] = "logits"
    temperature: float = 4.0
    hard: float | None = None
    layers: dict[str, str] | tuple[str, ...] | None = None
    teacher_model: str | None = None

    def __post_init__(self) -> None:
        if self.temperature <= 0:
            raise Error(f"temperature is above 0, got {self.temperature:g}")
        if self.hard is not None and not 0 <= self.hard <= 1:
            raise Error(f"hard is between 0 and 1, got {self.hard:g}")

    @property
    def terms(self) -> dict[str, float]:
        """Weights of the losses by name."""
        loss = self.loss
        return {str(n): w for n, w in loss.items()} if isinstance(loss, dict) else {str(loss): 1.0}
