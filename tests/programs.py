"""Finds other people's programs that interop tests run; skips with a reason where one is missing.

In CI the variable GEODNS_REQUIRE_PROGRAMS is set, and there a missing program fails the test.
"""

from __future__ import annotations

import os
import shutil
from collections.abc import Mapping
from pathlib import Path

import pytest

PACKAGES = {  # Debian's and Ubuntu's names
    "delv": "bind9-dnsutils",
    "dig": "bind9-dnsutils",
    "dnsperf": "dnsperf",
    "ip": "iproute2",
    "kdig": "knot-dnsutils",
    "knotd": "knot",
    "lego": "lego",
    "named": "bind9",
    "named-checkzone": "bind9-utils",
    "nsd": "nsd",
    "nsd-checkzone": "nsd",
    "nsupdate": "bind9-dnsutils",
    "openssl": "openssl",
    "pebble": "pebble",
}
_SYSTEM_FOLDERS = "/usr/sbin:/sbin:/usr/local/sbin"  # not on an ordinary user's PATH


def program(name: str, environment: Mapping[str, str] = os.environ) -> Path:
    """The path of an installed program.

    Skips the calling test where it is missing, or fails it where GEODNS_REQUIRE_PROGRAMS is set to
    anything but 0.
    """
    folders = environment.get("PATH", os.defpath) + os.pathsep + _SYSTEM_FOLDERS
    found = shutil.which(name, path=folders)
    if found is not None:
        return Path(found)
    package = PACKAGES.get(name)
    how = f"; on Debian and Ubuntu: apt-get install {package}" if package else ""
    reason = f"the program {name} is not installed{how}"
    if environment.get("GEODNS_REQUIRE_PROGRAMS", "0") not in {"", "0"}:
        pytest.fail(reason, pytrace=False)
    pytest.skip(reason)
