"""The list of what is measured, in the order of the tables."""

from __future__ import annotations

from benchmarks.programs.gdnsd import GDNSD
from benchmarks.programs.knot import KNOT
from benchmarks.programs.nsd import NSD
from benchmarks.programs.powerdns import POWERDNS_BIND, POWERDNS_GEOIP
from benchmarks.programs.this_server import GEODNS

PROGRAMS = (GEODNS, GDNSD, KNOT, NSD, POWERDNS_BIND, POWERDNS_GEOIP)
