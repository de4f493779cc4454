"""Runs dig and kdig against a running server."""

from __future__ import annotations

import re
import subprocess

from programs import program

PATIENCE = 60.0
NO_RECURSION = ";; WARNING: recursion requested but not available\n"
# Whole words: a cookie's hexadecimal digits may well end in "bad".
_COMPLAINTS = re.compile(
    r"\b(?:warning|malformed|mismatch|bad|timed out|connection)\b", re.IGNORECASE
)


def run(name: str, *arguments: str) -> str:
    """What a program prints, which has to end well."""
    done = subprocess.run(
        [program(name), *arguments], capture_output=True, text=True, check=False, timeout=PATIENCE
    )
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout + done.stderr


def dig(server: tuple[str, int], *arguments: str) -> str:
    """dig's output, which must have no complaints about the reply.

    But for one: dig asks for recursion, and says so when it is not offered.
    """
    output = run("dig", f"@{server[0]}", "-p", str(server[1]), *arguments)
    assert not _COMPLAINTS.search(output.replace(NO_RECURSION, "")), output
    return output


def kdig(server: tuple[str, int], *arguments: str) -> str:
    """kdig's output, which must have no complaints about the reply."""
    output = run("kdig", f"@{server[0]}", "-p", str(server[1]), *arguments)
    assert ";; WARNING" not in output, output
    assert ";; ERROR" not in output, output
    return output


def status(output: str) -> str:
    """The rcode that dig or kdig shows."""
    found = re.search(r"status: (\w+)", output)
    assert found, output
    return found[1]


def flags(output: str) -> set[str]:
    """The header's flags."""
    found = re.search(r"[Ff]lags: ([a-z ]*);", output)
    assert found, output
    return set(found[1].split())


def section(output: str, name: str) -> list[str]:
    """The records of a section, white space made single."""
    found = re.search(rf"^;; {name} SECTION:\n(.*?)\n\n", output + "\n\n", re.DOTALL | re.MULTILINE)
    return [" ".join(line.split()) for line in found[1].splitlines()] if found else []
