from __future__ import annotations

from collections import Counter
from collections.abc import Iterable
from math import prod

import torch

from lissom.ir import dims
from lissom.ir.channels.atoms import Layout
from lissom.ir.channels.flow import Flow, Label, Term
from lissom.ir.dims import Dim, symbol
from lissom.ir.families.pooling import HALVES
from lissom.ir.op import Op
from lissom.ir.samples import value, weight
from lissom.ir.types import DType, Shape, TensorType
from lissom.ir.values import Value


class Einsum(Op):
    """The sum of products that ``equation`` spells: ``"ij,jk->ik"`` is a matrix product; ``...`` broadcasts.

    Without ``->`` the output has the labels that occur once, in alphabetical order, after those of ``...``.
    """

    inputs: tuple[Value, ...]
    equation: str

    def infer(self) -> TensorType:
        dtypes = {v.type.dtype for v in self.inputs}
        self.require(len(dtypes) == 1, "operands of one dtype", tuple(v.type for v in self.inputs))
        terms, output = self.terms()
        self.require(len(terms) == len(self.inputs), f"{len(terms)} operands for {self.equation!r}", len(self.inputs))
        sizes: dict[str, Dim] = {}
        ellipsis: Shape = ()
        for term, v in zip(terms, self.inputs, strict=True):
            before, _, after = term.partition("...")
            shape = v.type.dims
            inside = len(shape) - len(before) - len(after)
            fits = inside >= 0 if "..." in term else inside == 0
            self.require(fits, f"an operand with the axes {term!r}", v.type)
            named = [*zip(before, shape, strict=False), *zip(after, shape[len(shape) - len(after) :], strict=True)]
            for label, d in named:
                sizes[label] = self._merge(sizes.get(label, 1), d)
            ellipsis = self._merge_all(ellipsis, shape[len(before) : len(before) + inside])
        before, dots, after = output.partition("...")
        self.require(sizes.keys() >= {*before, *after}, "output labels that an operand has", output)
        shape = (*(sizes[c] for c in before), *(ellipsis if dots else ()), *(sizes[c] for c in after))
        return TensorType(dtypes.pop(), shape)

    def terms(self) -> tuple[list[str], str]:
        """The labels of each operand, and those of the output."""
        left, arrow, output = self.equation.replace(" ", "").partition("->")
        terms = left.split(",")
        if not arrow:
            counts = Counter(left.replace("...", "").replace(",", ""))
            output = "..." * ("..." in left) + "".join(sorted(c for c, n in counts.items() if n == 1))
        return terms, output

    def _merge(self, a: Dim, b: Dim) -> Dim:
        try:
            return dims.broadcast(a, b)
        except ValueError:
            self.require(False, f"sizes that fit {self.equation!r}", tuple(v.type for v in self.inputs))
            raise

    def _merge_all(self, a: Shape, b: Shape) -> Shape:
        rank = max(len(a), len(b))
        pairs = zip((1,) * (rank - len(a)) + a, (1,) * (rank - len(b)) + b, strict=True)
        return tuple(self._merge(x, y) for x, y in pairs)

    def run(self, inputs: tuple[torch.Tensor, ...]) -> torch.Tensor:
        dtype = inputs[0].dtype
        wide = torch.float32 if dtype in HALVES else dtype if dtype.is_floating_point else torch.int64
        terms, output = self.terms()
        return torch.einsum(",".join(terms) + "->" + output, *(t.to(wide) for t in inputs)).to(dtype)

    def macs(self) -> int:
        terms, output = self.terms()
        sizes: dict[str, int] = {}  # of the labels that are summed over
        for term, v in zip(terms, self.inputs, strict=True):
            before, _, after = term.partition("...")
            shape = v.type.dims
            for label, d in [*zip(before, shape, strict=False), *zip(reversed(after), reversed(shape), strict=False)]:
                if label not in output:
                    sizes[label] = max(sizes.get(label, 1), d if isinstance(d, int) else 1)
        return (len(self.inputs) - 1) * self.type.size() * prod(sizes.values())

    def channels(self, flow: Flow) -> Layout | tuple[Layout, ...]:
        terms, output = self.terms()

        def labels(term: str, rank: int) -> list[Label]:
            before, dots, after = term.partition("...")
            inside = [("...", i) for i in range(len(before) + len(after) - rank, 0)] if dots else []
            return [*before, *inside, *after]

        if any(len(set(t.replace(".", ""))) < len(t.replace(".", "")) for t in terms):
            return flow.opaque(self, "it takes a diagonal")
        parts: list[Term] = []
        for term, v in zip(terms, self.inputs, strict=True):
            named = zip(labels(term, v.type.rank), v.type.dims, strict=True)
            parts.append((v, [None if d == 1 else label for label, d in named]))
        return flow.einsum(self, parts, labels(output, self.type.rank))

    @staticmethod
    def samples() -> Iterable[Op]:
        yield Einsum((value("a", symbol("N"), 5), weight("b", 5, 3)), "ij,jk->ik")
        yield Einsum((value("a", 2, 4, 3, 5), value("b", 2, 4, 6, 5)), "bhid,bhjd->bhij")
        yield Einsum((value("a", 2, 3, 4, 4),), "...ii -> ...i")
        yield Einsum((value("a", 3, 4), value("b", 4)), "ba, a")
        yield Einsum((value("a", 2, 3, 4), value("b", 4, 5)), "...k,kn->...n")
        yield Einsum((value("a", 3, 4, dtype=DType.int32),), "ij->j")
