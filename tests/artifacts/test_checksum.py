"""The checksum of test programs, against its definition."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from lissom.backends.c import checksum


def by_definition(data: bytes) -> int:
    value = 0x811C9DC5
    for byte in data:
        value = (value ^ byte) * 0x01000193 & 0xFFFFFFFF
    return value


@pytest.mark.parametrize(("text", "known"), [(b"", 0x811C9DC5), (b"a", 0xE40C292C), (b"foobar", 0xBF9CF968)])
def test_published_values(text: bytes, known: int) -> None:
    assert checksum.fnv(text) == known


@given(st.binary(max_size=300), st.integers(1, 40))
def test_any_bytes(data: bytes, times: int) -> None:
    assert checksum.fnv(data * times) == by_definition(data * times)


def test_more_bytes_than_are_taken_at_once(monkeypatch: pytest.MonkeyPatch) -> None:
    data = bytes(range(256)) * 3
    for piece in (1, 7, 64, 255, 767, 768):
        monkeypatch.setattr(checksum, "PIECE", piece)
        assert checksum.fnv(data) == by_definition(data)
