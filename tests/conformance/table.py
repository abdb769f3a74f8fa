"""Prints how the onnx node cases fare, by operator: ``python tests/conformance/table.py [--write] [--why] [OP ...]``.

``--write`` puts the table into ``docs/ops.md``; ``--why`` lists what did not pass, with the reason.
"""

from __future__ import annotations

import argparse
import re
import sys
from collections.abc import Sequence
from pathlib import Path

ROOT = Path(__file__).parents[2]
PAGE = ROOT / "docs" / "ops.md"
BEGIN, END = "<!-- table begin -->\n", "<!-- table end -->\n"


def main(arguments: Sequence[str]) -> None:
    """Run the cases and print the table, or the reasons."""
    parser = argparse.ArgumentParser(description="How the node cases of the onnx package fare, by operator.")
    parser.add_argument("ops", nargs="*", metavar="OP", help="only these operators")
    parser.add_argument("--write", action="store_true", help="update docs/ops.md")
    parser.add_argument("--why", action="store_true", help="list the cases that do not pass, with the reason")
    options = parser.parse_args(arguments)
    sys.path[:0] = [str(ROOT), str(Path(__file__).parent)]
    import torch

    torch.set_num_threads(1)
    if options.write:
        PAGE.write_text(updated(PAGE.read_text()))
    print(reasons(options.ops) if options.why else table(options.ops))


def table(ops: Sequence[str] = ()) -> str:
    """The markdown table: a line of totals, then a row for each operator."""
    import onnx
    from node_cases import outcomes, rows

    chosen = [r for r in rows() if not ops or r.op in ops]
    passed, refused, total = (sum(getattr(r, name) for r in chosen) for name in ("passed", "refused", "total"))
    wrong = sum(o.status == "wrong" for o in outcomes() if not ops or o.op in ops)
    lines = [
        f"onnx {onnx.__version__}: {passed} of {total} cases pass, {refused} are refused by name, {wrong} are wrong.",
        "",
        "| Operator | Passed | Refused | Cases | Ours |",
        "|---|---:|---:|---:|---|",
        *(f"| {r.op} | {r.passed} | {r.refused} | {r.total} | {'yes' if r.ours else 'no'} |" for r in chosen),
    ]
    return "\n".join(lines)


def reasons(ops: Sequence[str] = ()) -> str:
    """One line for each case that does not pass."""
    from node_cases import outcomes

    chosen = [o for o in outcomes() if o.status != "passed" and (not ops or o.op in ops)]
    return "\n".join(f"{o.status} {o.op} {o.name}: {' '.join(o.reason.split())}" for o in chosen)


def counted_with() -> str:
    """The version of onnx whose cases the page counts."""
    found = re.search(r"^onnx (\S+): ", PAGE.read_text(), re.MULTILINE)
    if not found:
        raise SystemExit(f"{PAGE} does not say which onnx its table counts")
    return found[1]


def updated(page: str) -> str:
    """The page with the table between its markers replaced."""
    before, begin, rest = page.partition(BEGIN)
    _, end, after = rest.partition(END)
    if not begin or not end:
        raise SystemExit(f"{PAGE} lacks the lines {BEGIN.strip()} and {END.strip()}")
    return f"{before}{BEGIN}{table()}\n{END}{after}"


if __name__ == "__main__":
    main(sys.argv[1:])
