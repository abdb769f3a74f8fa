"""What the zoo needs as C: arenas near the live-set bound, and slices of channels without copies."""

from __future__ import annotations

import pytest

import lissom as ls
from lissom.backends.c.emit import plan_program
from zoo import ZOO
from zoo.doors import by_torch

NO_COPIES = ("vit_qk_norm", "gpt_tied", "ghostnet")
"""Networks with Concat, Split or Slice of which no copy is left. Elsewhere some are written by element-wise sums, which
leave no room between pixels, or read where the graph's order of axes is wanted."""

BRANCHING = ("densenet", "yolo_c2f", "res2net", "shufflenet_v2", "unet")


@pytest.mark.parametrize("name", [*NO_COPIES, *BRANCHING])
def test_arena_is_near_the_bound(name: str) -> None:
    graph = ls.run("fold", by_torch(*ZOO[name].built()))
    _, _, program = plan_program(graph, "x86-64-v3")
    assert program.arena_bytes <= 1.05 * program.arena_lower_bound
    slices = [layer for layer in program.layers if layer.op.op_type in ("Concat", "Split", "Slice")]
    copies = [call for layer in slices for call in layer.calls if call.kernel.task.name == "copy"]
    assert slices or name not in NO_COPIES
    assert not copies or name not in NO_COPIES
