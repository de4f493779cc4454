"""What an input reaches: the steps from line to line in the code under test, and how often."""

from __future__ import annotations

import sys
from collections import Counter
from collections.abc import Callable, Iterable
from types import CodeType, FrameType
from typing import Any

_WATCHED = ("/geodns/answer/", "/geodns/server/")
_PACKAGES = ("geodns.answer.", "geodns.server.")
Step = tuple[CodeType, int, int]
Reach = tuple[Step, int]
"""A step, and how often it was made, as a power of two: four times is another thing than once."""


def reached(run: Callable[[bytes], None], data: bytes) -> set[Reach]:
    """What one input reaches, whatever was run before it."""
    run(data)  # so that nothing is made for the first time while steps are counted
    _forget()
    steps: Counter[Step] = Counter()

    def enter(frame: FrameType, _event: str, _argument: Any) -> Any:
        code = frame.f_code
        if not any(folder in code.co_filename for folder in _WATCHED):
            return None
        last = 0

        def step(frame: FrameType, event: str, _argument: Any) -> Any:
            nonlocal last
            if event == "line":
                steps[code, last, frame.f_lineno] += 1
                last = frame.f_lineno
            return step

        return step

    before = sys.gettrace()
    sys.settrace(enter)
    try:
        run(data)
    finally:
        sys.settrace(before)
    return {(step, times.bit_length()) for step, times in steps.items()}


def _forget() -> None:
    """Empties the caches of functions under test: what they do is counted for each input."""
    for name, module in list(sys.modules.items()):
        if name.startswith(_PACKAGES):
            for value in vars(module).values():
                if hasattr(type(value), "cache_clear"):
                    value.cache_clear()


def least(run: Callable[[bytes], None], inputs: Iterable[bytes]) -> list[bytes]:
    """Of all inputs those, short ones first, of which each reaches what those before don't."""
    kept, known = [], set[Reach]()
    for data in sorted(set(inputs), key=lambda data: (len(data), data)):
        reach = reached(run, data)
        if not reach <= known:
            known |= reach
            kept.append(data)
    return kept
