"""What the passes of a run did: one row a pass, as a table, as text and for ``report.json``."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from lissom.ir.graph import Graph
from lissom.passes.notes import Tables

if TYPE_CHECKING:
    from rich.table import Table


@dataclass(frozen=True)
class Size:
    """How large a graph is: ops, elements and bytes of its constants, multiply-accumulates (free sizes count as 1)."""

    nodes: int
    parameters: int
    bytes: int
    macs: int

    @staticmethod
    def of(graph: Graph) -> Size:
        """The size of ``graph`` as it is now."""
        consts = graph.consts
        macs = sum(op.macs() for op in graph.ops)
        return Size(len(graph), sum(c.data.size for c in consts), sum(c.type.nbytes() for c in consts), macs)


@dataclass(frozen=True)
class Row:
    """One pass of a run. ``check`` is in words; ``error`` is the largest relative error, None where not measured."""

    name: str
    seconds: float
    before: Size
    after: Size
    check: str
    error: float | None = None
    tables: Tables = field(default_factory=dict)
    """What the pass itself has to tell, such as every group of channels and what is left of it."""

    def to_dict(self) -> dict[str, Any]:
        """The row as ``report.json`` has it."""
        return {
            "name": self.name,
            "seconds": round(self.seconds, 6),
            "nodes": {"before": self.before.nodes, "after": self.after.nodes},
            "parameters": {"before": self.before.parameters, "after": self.after.parameters},
            "bytes": {"before": self.before.bytes, "after": self.after.bytes},
            "macs": {"before": self.before.macs, "after": self.after.macs},
            "check": self.check,
            "error": self.error,
            **self.tables,
        }

    def cells(self) -> list[str]:
        """The row as the table shows it."""
        pairs = [
            (self.before.nodes, self.after.nodes),
            (self.before.parameters, self.after.parameters),
            (self.before.bytes, self.after.bytes),
            (self.before.macs, self.after.macs),
        ]
        return [self.name, f"{self.seconds:.2f}", *(_change(a, b) for a, b in pairs), self.check]


HEADINGS = ("pass", "s", "nodes", "parameters", "bytes", "MACs", "check")


@dataclass
class Report:
    """The rows of a run, in order."""

    rows: list[Row] = field(default_factory=list)

    def to_dict(self) -> list[dict[str, Any]]:
        """The value of the key ``passes`` of ``report.json``."""
        return [row.to_dict() for row in self.rows]

    def details(self) -> str:
        """The tables of the passes, as text, without the columns that hold lists."""
        parts = []
        for row in self.rows:
            for name, lines in row.tables.items():
                short = [{k: v for k, v in line.items() if not isinstance(v, list)} for line in lines]
                if short:
                    parts.append("\n".join([f"{row.name}: {name}", *aligned([list(short[0]), *map(cells_of, short)])]))
        return "\n\n".join(parts)

    def table(self) -> Table:
        """The table, for a rich console."""
        from rich.table import Table

        table = Table(*HEADINGS[:1], box=None, pad_edge=False)
        for heading in HEADINGS[1:]:
            table.add_column(heading, justify="left" if heading == "check" else "right")
        for row in self.rows:
            table.add_row(*row.cells())
        return table

    def __str__(self) -> str:
        lines = [list(HEADINGS), *(row.cells() for row in self.rows)]
        widths = [max(len(line[i]) for line in lines) for i in range(len(HEADINGS))]
        return "\n".join(_line(line, widths) for line in lines)


def cells_of(row: Mapping[str, Any]) -> list[str]:
    """A row of a pass's table as texts."""
    return [
        ", ".join(v) if isinstance(v, list) else f"{v:.4g}" if isinstance(v, float) else str(v) for v in row.values()
    ]


def aligned(rows: list[list[str]]) -> list[str]:
    """Rows of texts as lines, in columns; the last one is as wide as it likes."""
    widths = [max(map(len, column)) for column in zip(*rows, strict=True)]
    return ["  ".join([*(c.ljust(w) for c, w in zip(r, widths[:-1], strict=False)), r[-1]]).rstrip() for r in rows]


def _line(cells: list[str], widths: list[int]) -> str:
    first, *numbers, check = cells
    middle = [n.rjust(w) for n, w in zip(numbers, widths[1:-1], strict=True)]
    return "  ".join([first.ljust(widths[0]), *middle, check]).rstrip()


def _change(before: int, after: int) -> str:
    return _number(before) if before == after else f"{_number(before)} -> {_number(after)}"


def _number(n: int) -> str:
    for unit, factor in (("G", 10**9), ("M", 10**6), ("k", 10**3)):
        if n >= 10 * factor or (n >= factor and unit != "k"):
            return f"{n / factor:.4g}{unit}"
    return str(n)
