"""The limit of open files, in a process of its own."""

from __future__ import annotations

import subprocess
import sys

import pytest

_SCRIPT = """
import resource, sys
from geodns.open_files import raise_limit
soft, hard, most = map(int, sys.argv[1:])
resource.setrlimit(resource.RLIMIT_NOFILE, (soft, hard))
print(raise_limit(most or None), *resource.getrlimit(resource.RLIMIT_NOFILE))
"""


@pytest.mark.parametrize(
    ("soft", "hard", "most", "after"),
    [
        (100, 800, 0, 800),
        (100, 800, 300, 300),
        (100, 800, 5000, 800),
        (400, 800, 300, 400),
        (800, 800, 0, 800),
    ],
)
def test_the_soft_limit_is_raised_as_far_as_wanted_and_never_lowered(
    soft: int, hard: int, most: int, after: int
) -> None:
    command = [sys.executable, "-c", _SCRIPT, str(soft), str(hard), str(most)]
    output = subprocess.run(command, check=True, capture_output=True, text=True).stdout
    assert output.split() == [str(after), str(after), str(hard)]
