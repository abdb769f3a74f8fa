"""``lissom`` on the command line, and ``python -m lissom``."""

from __future__ import annotations

from lissom.cli.app import cli


def main() -> None:
    """The console script."""
    cli(prog_name="lissom")


if __name__ == "__main__":
    main()
