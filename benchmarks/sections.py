"""Tables that a benchmark writes into a page of ``docs/``, between two marks of their own."""

from __future__ import annotations

import re
from pathlib import Path

DOCS = Path(__file__).parents[1] / "docs"


def write(page: str, section: str, lines: list[str]) -> None:
    """Put ``lines`` between the marks of ``section`` in a page, at its end where the marks are missing."""
    path = DOCS / page
    text = path.read_text() if path.exists() else ""
    begin, end = f"<!-- {section} -->", f"<!-- end {section} -->"
    block = "\n".join([begin, *lines, end])
    pattern = re.compile(re.escape(begin) + ".*?" + re.escape(end), re.DOTALL)
    path.write_text(pattern.sub(lambda _: block, text) if pattern.search(text) else f"{text.rstrip()}\n\n{block}\n")


def rows(page: str, section: str) -> list[list[str]]:
    """The rows of the table in a section as a page has them, without its head."""
    lines = (DOCS / page).read_text().partition(f"<!-- {section} -->")[2].partition(f"<!-- end {section} -->")[0]
    return [line[2:-2].split(" | ") for line in lines.splitlines() if line.startswith("| ")][2:]


def markdown(headings: list[str], rows: list[list[str]]) -> list[str]:
    """A table as lines of Markdown."""
    return [f"| {' | '.join(row)} |" for row in (headings, ["---"] * len(headings), *rows)]
