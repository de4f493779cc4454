"""What control sets aside from garbage collection is still collected when it is garbage."""

from __future__ import annotations

import gc
import weakref
from collections.abc import Iterator

import pytest

from geodns.control.garbage import set_aside


class _Ring:
    def __init__(self) -> None:
        self.itself = self


@pytest.fixture(autouse=True)
def _thawed() -> Iterator[None]:
    yield
    gc.unfreeze()


def test_what_lives_is_not_looked_at_again_until_the_next_time() -> None:
    ring = _Ring()
    seen = weakref.ref(ring)
    set_aside()
    assert gc.get_freeze_count() > 1000
    del ring
    gc.collect()
    assert seen() is not None
    set_aside()
    assert seen() is None
