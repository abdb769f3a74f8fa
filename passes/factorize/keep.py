"""Never slower: what takes a layer's place stays only where it is faster, by the clock of the run."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Literal, TypeAlias

from lissom.ir.errors import Error
from lissom.ir.op import Op
from lissom.passes import notes
from lissom.passes.factorize.measure import MACS, Clock, timed

Keep: TypeAlias = Literal["if_faster", "always"]


class Judge:
    """Times layers beside what would take their place, and keeps a table of it for the report.

    Without a clock, or where the target cannot be timed here, nothing counts as slower; the table says so.
    """

    def __init__(self, clock: Clock | None, keep: Keep) -> None:
        self._measure = None if clock is None or keep == "always" else timed(clock)
        self._times: dict[Op, str] = {}
        self._macs: dict[Op, float] = {}
        self._rows: list[dict[str, Any]] = []
        self.slow: dict[Op, str] = {}
        """The layers that stay as they are because they are no slower that way, and how the times are."""

    def slower(self, layer: Op, chain: Sequence[Op]) -> bool:
        """Whether ``chain`` takes as long as the layer, or longer."""
        self._macs[layer] = MACS(chain)
        if self._measure is None:
            return False
        try:
            before, after = self._measure([layer]), self._measure(chain)
        except Error as e:
            self._times[layer] = f"not timed: {str(e).splitlines()[0]}"
            return False
        self._times[layer] = f"{before:.3g} -> {after:.3g}"
        return after >= before

    def merge_back(self, layer: Op) -> None:
        """Decide that the layer stays as it is."""
        self.slow[layer] = f"it would be slower, in ms: {self._times[layer]}"

    def note(self, layer: Op, becomes: str) -> None:
        """Put a layer that was judged into the table, with what is in its place now."""
        if layer in self._macs:
            macs = f"{MACS([layer]):g} -> {self._macs[layer]:g}"
            ms = self._times.get(layer, "not timed")
            self._rows.append({"layer": layer.name, "becomes": becomes, "MACs": macs, "ms": ms})

    def report(self) -> None:
        """Hand out the table."""
        notes.table("layers", lambda: self._rows)
