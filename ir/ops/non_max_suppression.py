from __future__ import annotations

from collections.abc import Iterable

import torch

from lissom.ir.op import Op
from lissom.ir.samples import literal, weight
from lissom.ir.types import DType, TensorType
from lissom.ir.unknown import unknown_size
from lissom.ir.values import Value


class NonMaxSuppression(Op):
    """y = (batch, class, box) of the boxes kept: greedily by score, none that overlaps a better one of its class much.

    Shapes: boxes (B, N, 4), scores (B, C, N); y (selected, 3), int64. A box is (y1, x1, y2, x2), any two opposite
    corners, or (x_center, y_center, width, height) with ``center_point_box``. Two boxes overlap too much when
    intersection / union exceeds ``iou_threshold`` (default 0). At most ``max_output_boxes_per_class`` (default 0) are
    kept of each class, and only those whose score exceeds ``score_threshold``, where given.
    """

    boxes: Value
    scores: Value
    max_output_boxes_per_class: Value | None = None
    iou_threshold: Value | None = None
    score_threshold: Value | None = None
    center_point_box: bool = False

    def infer(self) -> TensorType:
        boxes, scores = self.boxes.type, self.scores.type
        self.require(boxes.rank == 3 and boxes.dims[2] == 4, "boxes of shape (B, N, 4)", boxes)
        self.require(scores.rank == 3, "scores of shape (B, C, N)", scores)
        return TensorType(DType.int64, (unknown_size(self, 0), 3))

    def run(
        self,
        boxes: torch.Tensor,
        scores: torch.Tensor,
        max_output_boxes_per_class: torch.Tensor | None = None,
        iou_threshold: torch.Tensor | None = None,
        score_threshold: torch.Tensor | None = None,
    ) -> torch.Tensor:
        most = 0 if max_output_boxes_per_class is None else int(max_output_boxes_per_class)
        overlap = 0.0 if iou_threshold is None else float(iou_threshold.detach())
        lowest = float("-inf") if score_threshold is None else float(score_threshold.detach())
        found = [
            (b, c, box)
            for b in range(scores.shape[0])
            for c in range(scores.shape[1])
            for box in _select(self._corners(boxes[b]), scores[b, c], most, overlap, lowest)
        ]
        return torch.tensor(found, dtype=torch.int64).reshape(-1, 3)

    def _corners(self, boxes: torch.Tensor) -> torch.Tensor:
        """Boxes as (low, low, high, high)."""
        first, second = boxes[:, :2], boxes[:, 2:]
        if self.center_point_box:
            return torch.cat((first - second / 2, first + second / 2), 1)
        return torch.cat((torch.minimum(first, second), torch.maximum(first, second)), 1)

    @staticmethod
    def samples() -> Iterable[Op]:
        for most, iou, score, center in ((3, 0.4, 0.0, False), (6, 0.2, 0.3, False), (3, 0.4, 0.0, True)):
            yield NonMaxSuppression(
                weight("boxes", 2, 6, 4, low=0.0),
                weight("scores", 2, 3, 6, low=0.0),
                literal("most", [most]),
                literal("iou", [iou], DType.float32),
                literal("score", [score], DType.float32),
                center_point_box=center,
            )


def _select(boxes: torch.Tensor, scores: torch.Tensor, most: int, overlap: float, lowest: float) -> list[int]:
    kept: list[int] = []
    areas = (boxes[:, 2:] - boxes[:, :2]).prod(1)
    for i in torch.argsort(scores, descending=True, stable=True).tolist():
        if len(kept) >= most or scores[i] <= lowest:
            break
        low = torch.maximum(boxes[i, :2], boxes[kept, :2])
        high = torch.minimum(boxes[i, 2:], boxes[kept, 2:])
        shared = (high - low).clamp(min=0).prod(1)
        if not bool((shared > overlap * (areas[i] + areas[kept] - shared)).any()):
            kept.append(i)
    return kept
