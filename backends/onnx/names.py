"""Names of tensors in the file: public names stay, then names from the file that was read, then hints."""

from __future__ import annotations

from collections.abc import Iterable

from lissom.backends.onnx.plan import Planned
from lissom.ir.graph import Graph
from lissom.ir.importers.onnx.subgraphs import defined_names
from lissom.ir.op import Op
from lissom.ir.values import Const, Input, Value


class Names:
    """Gives every value a name of its own."""

    def __init__(self, graph: Graph, planned: list[Planned], loose: Iterable[Const]) -> None:
        self.by_value: dict[Value, str] = {}
        self._taken: set[str] = set()
        self._counts: dict[str, int] = {}
        for i in graph.inputs:
            self._give(i, i.name)
        for name, v in zip(graph.output_names, graph.outputs, strict=True):
            if v not in self.by_value and name not in self._taken and (not isinstance(v, Const) or v.name == name):
                self._give(v, name)
        self._taken.update(graph.output_names)
        inner = {n for p in planned if p.captures and p.record for n in defined_names(p.record.proto)}
        self._taken |= inner
        values = [*_values(planned), *loose]
        for v in values:
            owner = v.op if hasattr(v, "op") else v
            if v not in self.by_value and owner.origin is not None and v.name and v.name not in self._taken:
                self._give(v, v.name)
        for v in values:
            if v not in self.by_value:
                hint = v.name or (
                    v.op_type.lower() if isinstance(v, Op) else "const" if isinstance(v, Const) else "value"
                )
                self._give(v, self.fresh(hint))

    def fresh(self, hint: str) -> str:
        """``hint``, or the first of ``hint_1``, ``hint_2`` ... that nothing is called yet."""
        name = hint
        while name in self._taken:
            self._counts[hint] = self._counts.get(hint, 0) + 1
            name = f"{hint}_{self._counts[hint]}"
        return name

    def _give(self, value: Value, name: str) -> None:
        self.by_value[value] = name
        self._taken.add(name)


def _values(planned: list[Planned]) -> Iterable[Value]:
    """Everything the nodes read or compute."""
    for p in planned:
        yield from (v for v in (*p.inputs, *p.captures) if v is not None and not isinstance(v, Input))
        yield from (v for v in p.results if v is not None)
