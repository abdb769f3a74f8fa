"""The group of commands, and what becomes of an error.

Exit status: 0 fine, 1 for a fault of the input (one message, no traceback), 2 for wrong usage, 130 when interrupted.
"""

from __future__ import annotations

import errno
from typing import Any

import click

from lissom import __version__
from lissom.cli.bench import bench
from lissom.cli.compare import compare
from lissom.cli.compile import compile_model
from lissom.cli.explain import explain
from lissom.cli.opt import opt
from lissom.cli.run import run
from lissom.cli.sensitivity import sensitivity
from lissom.cli.show import show
from lissom.cli.tune import tune
from lissom.cli.verify import verify
from lissom.ir.errors import Error


class Interrupted(click.ClickException):
    """Ctrl-C. Results are written aside and moved into place, so there is nothing to clean up."""

    exit_code = 130

    def __init__(self) -> None:
        super().__init__("interrupted; nothing was written")


class Commands(click.Group):
    """Turns what the library raises on purpose into a message. Anything else is a bug and keeps its traceback."""

    def invoke(self, ctx: click.Context) -> Any:
        try:
            return super().invoke(ctx)
        except Error as e:
            raise click.ClickException(str(e)) from e
        except OSError as e:
            if e.errno == errno.EPIPE:
                raise
            where = f"{e.filename}: " if e.filename else ""
            raise click.ClickException(f"{where}{e.strerror or e}") from e
        except KeyboardInterrupt as e:
            raise Interrupted from e


@click.group(cls=Commands, context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 110})
@click.version_option(__version__)
def cli() -> None:
    """Compress a neural network and emit ONNX or stand-alone C."""


for _command in (compile_model, tune, opt, run, verify, show, explain, sensitivity, compare, bench):
    cli.add_command(_command)
