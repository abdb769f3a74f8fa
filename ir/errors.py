"""Everything lissom raises on purpose. Each message says what is wrong, where, and what to do."""

from __future__ import annotations


class Error(Exception):
    """Base of every error lissom raises on purpose: bad input, not a bug."""


class Unsupported(Error):
    """The input is legal, but lissom has no meaning for it here (an op, a dtype, a target)."""


class TypeMismatch(Error):
    """An op's operands do not fit its contract; the message gives expected and got."""


class VerifyError(Error):
    """A graph breaks an invariant of :mod:`lissom.ir.verify`."""


class ParseError(Error):
    """IR text, dims or pipeline text that does not parse; the message points at the place with ``^``."""


class DataError(Error):
    """Model inputs, calibration data or labels of the wrong shape, dtype or content."""


class CheckFailed(Error):
    """A pass that promised equal results did not keep its promise."""
