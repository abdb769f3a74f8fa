"""Every code block of README.md and docs/ runs, and prints what the page says it prints.

A ``python`` block is run, after the blocks above it on the page. In a ``console`` block each ``$ lissom ...`` line is
run, and so is each ``lissom`` command of an ``sh`` block. What a page shows as output (a ``text`` block right behind a
python block, the lines below a command) must be what comes out; ``...`` stands for anything. Pages run in an empty
folder in which ``examples`` is that of the repository.
"""

from __future__ import annotations

import json
import os
import re
import shlex
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest

from lissom.backends.c.emulation.machines import lacking_for

ROOT = Path(__file__).parents[2]
PAGES = [ROOT / "README.md", ROOT / "examples" / "README.md", *sorted((ROOT / "docs").rglob("*.md"))]

RUNNER = """
import json, sys
scope = {"__name__": "page"}
for line, code in json.loads(sys.stdin.read()):
    print(f"\\0{line}")
    exec(compile("\\n" * line + code, sys.argv[1], "exec"), scope)
"""


@dataclass
class Block:
    """A fenced block: its language, the number of its first line and its text."""

    language: str
    line: int
    text: str
    after: int
    """Lines of prose between this block and the one before."""


def blocks(page: Path) -> Iterator[Block]:
    opened: Block | None = None
    prose = 0
    for number, line in enumerate(page.read_text().splitlines(), 1):
        if opened is not None and line.startswith("```"):
            yield opened
            opened, prose = None, 0
        elif opened is not None:
            opened.text += f"{line}\n"
        elif line.startswith("```"):
            opened = Block(line[3:].strip(), number, "", prose)
        else:
            prose += bool(line.strip())
    assert opened is None, f"{page}:{opened.line}: the block is not closed"


def matches(shown: str, printed: str) -> bool:
    """Whether ``printed`` is what a page shows; ``...`` stands for anything, trailing blanks for nothing."""
    lines = [re.sub(r"\s+$", "", line) for line in shown.rstrip().splitlines()]
    pattern = r"\s*\n".join(r"[\s\S]*?".join(map(re.escape, line.split("..."))) for line in lines)
    return re.fullmatch(pattern + r"\s*", printed) is not None


def commands(block: Block) -> Iterator[tuple[str, str]]:
    """The lissom commands of a block, each with the output shown below it (empty: none shown)."""
    text = block.text.replace("\\\n", " ")
    if block.language == "console":
        for part in re.split(r"^\$ ", text, flags=re.MULTILINE)[1:]:
            command, _, output = part.partition("\n")
            if command.startswith("lissom "):
                yield command, output
    elif block.language == "sh":
        for command in re.split(r"\n|&&", text):
            if match := re.match(r"(?:\S+/)?(lissom .*)", command.strip()):
                yield match[1], ""


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    (tmp_path / "examples").symlink_to(ROOT / "examples")
    return tmp_path


def page_id(page: Path) -> str:
    return page.relative_to(ROOT).as_posix()


@pytest.mark.parametrize("page", PAGES, ids=page_id)
def test_page(page: Path, folder: Path) -> None:
    """A page may say that it needs what a target is built and run with: ``<!-- needs: cortex-m4 -->``."""
    for target in re.findall(r"<!-- needs: (\S+) -->", page.read_text()):
        if lacks := lacking_for(target):
            pytest.skip(f"to run {target} here, install {lacks}")
    found = list(blocks(page))
    for block in found:
        for command, output in commands(block):
            done = subprocess.run(
                [sys.executable, "-m", *shlex.split(command)],
                cwd=folder,
                env={**_environment(), "COLUMNS": "110"},
                capture_output=True,
                text=True,
            )
            where = f"{page_id(page)}:{block.line}: {command}"
            assert done.returncode == 0, f"{where}\n{done.stderr}"
            assert not output.strip() or matches(output, done.stdout), f"{where} printed\n{done.stdout}"
    code = [(b.line, b.text) for b in found if b.language == "python"]
    if not code:
        return
    done = subprocess.run(
        [sys.executable, "-c", RUNNER, page_id(page)],
        input=json.dumps(code),
        cwd=folder,
        env=_environment(),
        capture_output=True,
        text=True,
    )
    assert done.returncode == 0, done.stderr
    printed = dict(part.split("\n", 1) for part in done.stdout.split("\0")[1:])
    for block, following in zip(found, [*found[1:], None], strict=True):
        if (
            block.language == "python"
            and following is not None
            and following.language == "text"
            and not following.after
        ):
            out = printed[str(block.line)]
            assert matches(following.text, out), f"{page_id(page)}:{following.line}: the block above printed\n{out}"


@pytest.mark.parametrize("page", PAGES, ids=page_id)
def test_links(page: Path) -> None:
    """Every relative link leads to a file."""
    prose = re.sub(r"```.*?```|`[^`]*`", "", page.read_text(), flags=re.DOTALL)
    for target in re.findall(r"\]\(([^)#:\s]+)(?:#[^)]*)?\)", prose):
        assert (page.parent / target).exists(), f"{page_id(page)} links to {target}"


def _environment() -> dict[str, str]:
    return {**os.environ, "PYTHONPATH": str(ROOT)}
