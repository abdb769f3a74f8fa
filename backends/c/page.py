"""The report for people: ``report.html``, one file that needs nothing else."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from html import escape
from typing import Any

_STYLE = """body{font:15px/1.5 system-ui,sans-serif;max-width:70em;margin:2em auto;padding:0 1em;color:#222}
table{border-collapse:collapse;width:100%}td,th{padding:.2em .6em;border-bottom:1px solid #ddd;text-align:left}
td.n,th.n{text-align:right;font-variant-numeric:tabular-nums}h1,h2{font-weight:600}
svg{width:100%;border:1px solid #ddd}"""


def page(report: Mapping[str, Any]) -> str:
    """The whole page; every text that comes from the model is escaped."""
    sections = [_facts(report)]
    if report.get("passes"):
        sections += ["<h2>Passes</h2>", _table(report["passes"])]
        for row in report["passes"]:
            for key, value in row.items():
                if _is_table(value):
                    sections += [f"<h3>{escape(str(row['name']))}: {escape(key)}</h3>", _table(value)]
    sections += ["<h2>Layers</h2>", _table(report["layers"])]
    sections += [
        "<h2>Arena</h2>",
        "<p>Layers run from left to right; height is the offset in the arena.</p>",
        _arena(report),
    ]
    title = escape(str(report["name"]))
    head = f'<!doctype html><html lang="en"><meta charset="utf-8"><title>{title}</title><style>{_STYLE}</style>'
    return "\n".join([head, f"<h1>{title}</h1>", *sections, "</html>", ""])


def _facts(report: Mapping[str, Any]) -> str:
    facts: dict[str, Any] = {"target": report["target"]}
    for kind in ("inputs", "outputs"):
        facts[kind] = "; ".join(f"{p['name']}: {p['dtype']} {p['shape']}" for p in report[kind])
    facts.update({k.replace("_", " "): v for k, v in report["artifact"].items()})
    if report.get("accuracy"):
        facts["accuracy"] = report["accuracy"]
    rows = (f"<tr><th>{escape(str(k))}</th><td>{escape(_text(v))}</td></tr>" for k, v in facts.items())
    return f"<table>{''.join(rows)}</table>"


def _table(rows: Sequence[Mapping[str, Any]]) -> str:
    """The rows side by side; a value that is a table itself is left out."""
    columns = list(dict.fromkeys(k for row in rows for k, v in row.items() if not _is_table(v)))
    numeric = {c for c in columns if all(isinstance(r.get(c), int | float) for r in rows)}

    def cell(tag: str, column: str, value: Any) -> str:
        kind = ' class="n"' if column in numeric else ""
        return f"<{tag}{kind}>{escape(_text(value))}</{tag}>"

    head = "".join(cell("th", c, c) for c in columns)
    lines = ("<tr>" + "".join(cell("td", c, r.get(c, "")) for c in columns) + "</tr>" for r in rows)
    return f"<table><tr>{head}</tr>{''.join(lines)}</table>"


def _is_table(value: Any) -> bool:
    return isinstance(value, Sequence) and bool(value) and all(isinstance(v, Mapping) for v in value)


def _text(value: Any) -> str:
    """A value as a person reads it: 1,234; 30 → 21 for before and after; name: value for other mappings."""
    if isinstance(value, Mapping) and value.keys() == {"before", "after"}:
        before, after = _text(value["before"]), _text(value["after"])
        return after if before == after else f"{before} → {after}"
    if isinstance(value, Mapping):
        return "; ".join(f"{str(k).replace('_', ' ')}: {_text(v)}" for k, v in value.items())
    if isinstance(value, Sequence) and not isinstance(value, str):
        return ", ".join(map(_text, value))
    if value is None:
        return ""
    if isinstance(value, int) and not isinstance(value, bool):
        return f"{value:,}"
    return f"{value:.4g}" if isinstance(value, float) else str(value)


def _arena(report: Mapping[str, Any]) -> str:
    blocks, height = report["arena"], max(1, report["artifact"]["arena_bytes"])
    layers = max(1, len(report["layers"]))
    boxes = []
    for i, b in enumerate(blocks):
        x, y = 1000 * b["first_layer"] / layers, 400 * b["offset"] / height
        w, h = 1000 * (b["last_layer"] - b["first_layer"] + 1) / layers, 400 * b["bytes"] / height
        title = f"<title>{b['bytes']:,} bytes at {b['offset']:,}</title>"
        boxes.append(
            f'<rect x="{x:.1f}" y="{y:.1f}" width="{w:.1f}" height="{h:.1f}" fill="hsl({i * 47 % 360} 60% 75%)" '
            f'stroke="#555" stroke-width=".5">{title}</rect>'
        )
    return f'<svg viewBox="0 0 1000 400" preserveAspectRatio="none" height="300">{"".join(boxes)}</svg>'
