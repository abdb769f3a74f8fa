"""The picture of a sensitivity scan, as SVG."""

from __future__ import annotations

from lissom.passes.prune.sensitivity import Sensitivity

COLORS = ("#1f77b4", "#ff7f0e", "#2ca02c", "#d62728", "#9467bd", "#8c564b", "#e377c2", "#7f7f7f", "#bcbd22", "#17becf")


def svg(result: Sensitivity, title: str = "") -> str:
    """The scan as a picture: a line for each group."""
    by_accuracy = result.accuracy is not None
    groups = result.groups
    left, top, width, height = 60, 40, 560, 360
    top_value = 1.0 if by_accuracy else max((p.error for p in result.points), default=1.0) * 1.05 or 1.0

    def place(x: float, y: float) -> str:
        return f"{left + width * x:.1f},{top + height * (1 - y / top_value):.1f}"

    start = result.accuracy if result.accuracy is not None else 0.0
    total = max(height + 110, 60 + 16 * len(groups))
    parts = [
        f'<svg xmlns="http://www.w3.org/2000/svg" width="{left + width + 300}" height="{total}" '
        'font-family="sans-serif" font-size="12">',
        '<rect width="100%" height="100%" fill="white"/>',
        f'<text x="{left}" y="24" font-size="15">{_escaped(title)}</text>',
        f'<rect x="{left}" y="{top}" width="{width}" height="{height}" fill="none" stroke="#888"/>',
    ]
    for i in range(5):
        share = i / 4
        x, y = left + width * share, top + height * (1 - share)
        value = f"{share * top_value:.0%}" if by_accuracy else f"{share * top_value:.2g}"
        parts.append(f'<text x="{x}" y="{top + height + 18}" text-anchor="middle">{share:.0%}</text>')
        parts.append(f'<text x="{left - 6}" y="{y + 4}" text-anchor="end">{value}</text>')
        parts.append(f'<line x1="{left}" y1="{y}" x2="{left + width}" y2="{y}" stroke="#ddd"/>')
    what = "top-1 accuracy" if by_accuracy else "change of the outputs, of their deviation"
    parts.append(f'<text x="{left}" y="{top + height + 40}">share of units masked, against {what}</text>')
    for i, (name, points) in enumerate(groups.items()):
        color = COLORS[i % len(COLORS)]
        dash = ' stroke-dasharray="5 3"' if i // len(COLORS) % 2 else ""
        values = [(p.ratio, p.error if p.accuracy is None else p.accuracy) for p in points]
        line = " ".join(place(x, y) for x, y in [(0.0, start), *values])
        parts.append(f'<polyline points="{line}" fill="none" stroke="{color}" stroke-width="1.5"{dash}/>')
        y = top + 12 + 16 * i
        x = left + width
        parts.append(f'<line x1="{x + 14}" y1="{y - 4}" x2="{x + 34}" y2="{y - 4}" stroke="{color}"{dash}/>')
        parts.append(f'<text x="{left + width + 40}" y="{y}">{_escaped(name)} ({points[0].units})</text>')
    return "\n".join([*parts, "</svg>"]) + "\n"


def _escaped(text: str) -> str:
    return text.replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;")
