"""Coverage-guided fuzzing: the process that libFuzzer drives, ``python -m fuzzing.guided TARGET``.

Arguments behind the target are libFuzzer's.
"""

from __future__ import annotations

import sys

import atheris

_WATCHED = ["geodns.answer", "geodns.server", "dnslib"]


def main() -> None:
    """Never returns: libFuzzer ends the process."""
    target, arguments = sys.argv[1], sys.argv[2:]
    with atheris.instrument_imports(include=_WATCHED):
        # Imports are instrumented as they happen, so this one can't stand above.
        from fuzzing.targets import TARGETS
    run = TARGETS[target]
    atheris.Setup([sys.argv[0], *arguments], run)
    atheris.Fuzz()


if __name__ == "__main__":
    main()
