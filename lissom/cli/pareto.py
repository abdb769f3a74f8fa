"""The picture of a comparison: what is right against time and against size, and the front nothing else is beyond."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from lissom.cli.writing import replacing

if TYPE_CHECKING:
    from lissom.cli.comparison import Measurement

Point = tuple[float, float]
"""A cost and a score."""


def front(points: Sequence[Point]) -> list[Point]:
    """The points that no other is at least as good as in both, cheapest first."""
    best: list[Point] = []
    for cost, score in sorted(set(points), key=lambda p: (p[0], -p[1])):
        if not best or score > best[-1][1]:
            best.append((cost, score))
    return best


def plot(rows: Sequence[Measurement], path: Path, title: str, labelled: bool) -> Path | None:
    """Write the picture, as its suffix says; returns where, or None where matplotlib is not installed."""
    try:
        from matplotlib.figure import Figure
    except ModuleNotFoundError:
        return None
    done = [(number, r) for number, r in enumerate(rows) if r.error is None]
    figure = Figure(figsize=(11, 4.5 + 0.17 * len(done)), layout="constrained")
    panels = figure.subplots(1, 2, sharey=True)
    for panel, (what, costs) in zip(
        panels,
        {"ms in C": [r.ms for _, r in done], "kB of weights": [r.bytes / 1e3 for _, r in done]}.items(),
        strict=True,
    ):
        points = [(c, 100 * _score(r, labelled)) for c, (_, r) in zip(costs, done, strict=True)]
        best = front(points)
        panel.step(*zip(*best, strict=True), where="post", color="#bbb", zorder=1)
        for (number, row), point in zip(done, points, strict=True):
            panel.scatter(*point, label=f"{number}: {row.passes}", zorder=2, marker="o" if point in best else "x")
            panel.annotate(str(number), point, xytext=(4, 4), textcoords="offset points")
        panel.set_xlabel(what)
        panel.set_xlim(left=0)
        panel.grid(alpha=0.3)
    panels[0].set_ylabel("top-1 accuracy, %" if labelled else "agreement with the model, %")
    handles, labels = panels[0].get_legend_handles_labels()
    figure.legend(handles, [_short(t) for t in labels], loc="outside lower left", fontsize="small")
    figure.suptitle(title)
    with replacing(path) as aside:
        figure.savefig(aside, metadata={"Date": None} if path.suffix == ".svg" else None)
    return path


def _score(row: Measurement, labelled: bool) -> float:
    return row.top1 if labelled and row.top1 is not None else row.agreement


def _short(text: str, width: int = 150) -> str:
    return (text if len(text) <= width else text[: width - 3] + "...").replace("$", r"\$")
