"""The picture of a race, as SVG: a bar for each engine, and one for each layer of the artifact."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from html import escape

from lissom.bench.measure import Result, milliseconds

LABELS, BARS, ROW = 330, 460, 18
OURS, THEIRS, LIGHT = "#d62728", "#1f77b4", "#dddddd"


def svg(result: Result, title: str) -> str:
    """Bars of the median, with the interquartile range in words; below them those of the layers."""
    lanes = sorted((lane for lane in result.lanes if not lane.why), key=lambda lane: lane.median)
    longest = max((lane.median for lane in lanes), default=1.0)
    engines = [
        (
            lane.entrant.label,
            lane.median / longest,
            OURS if lane.entrant.engine == "lissom" else THEIRS,
            f"{milliseconds(lane.median)} ms, iqr {lane.spread:.0%}",
        )
        for lane in lanes
    ]
    timed = [x for x in result.layers if x.seconds]
    slowest = max((x.seconds for x in timed), default=1.0)
    layers = [
        (
            f"{x.name} ({x.kernel})",
            x.seconds / slowest,
            OURS if x.of_peak is not None else "#999999",
            f"{1e6 * x.seconds:.2f} us" + ("" if x.of_peak is None else f", {x.of_peak:.0%} of the peak"),
        )
        for x in timed
    ]
    parts = list(_bars(title, engines, 30))
    height = 60 + ROW * len(engines)
    if layers:
        parts += _bars("layers", layers, height)
        height += 40 + ROW * len(layers)
    head = f'<svg xmlns="http://www.w3.org/2000/svg" width="{LABELS + BARS + 220}" height="{height}" '
    return "\n".join(
        [
            head + 'font-family="sans-serif" font-size="12">',
            '<rect width="100%" height="100%" fill="white"/>',
            *parts,
            "</svg>",
            "",
        ]
    )


def _bars(title: str, bars: Sequence[tuple[str, float, str, str]], top: int) -> Iterator[str]:
    """Bars of a length from 0 to 1, each with a label, a colour and words behind it."""
    yield f'<text x="10" y="{top - 8}" font-size="15">{escape(title)}</text>'
    for i, (label, length, color, words) in enumerate(bars):
        y = top + 6 + ROW * i
        shown = label if len(label) < 52 else f"{label[:24]}...{label[-24:]}"
        yield f'<text x="{LABELS - 6}" y="{y + 11}" text-anchor="end">{escape(shown)}</text>'
        yield f'<rect x="{LABELS}" y="{y}" width="{BARS}" height="{ROW - 4}" fill="{LIGHT}" fill-opacity="0.3"/>'
        yield f'<rect x="{LABELS}" y="{y}" width="{max(1.0, BARS * length):.1f}" height="{ROW - 4}" fill="{color}"/>'
        yield f'<text x="{LABELS + BARS + 6}" y="{y + 11}">{escape(words)}</text>'
