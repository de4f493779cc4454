"""40 regions with three AZs and a hundred services, as large clouds have them."""

from __future__ import annotations

import json
from typing import Any

from citydatabase.countries import Country, countries

REGIONS, ZONES_EACH, SERVICES_EACH = 40, 3, 10
# What is set for ten services each. Each policy needs a map of its own, but for those that have
# one order for everyone.
POLICIES: dict[str, dict[str, Any]] = {
    "web": {"steering": "latency"},
    "band": {"steering": {"latency": {"within": "10ms"}}},
    "near": {"steering": "nearest"},
    "wide": {"steering": {"nearest": {"within": "15%"}}, "answers": 2},
    "login": {"steering": {"failover": {"order": ["region-0", "region-1"]}}},
    "rules": {
        "steering": {
            "geo": {
                "rules": {
                    "EU": ["region-9", "region-16"],
                    "NA-US": "region-2",
                    "default": "region-0",
                }
            }
        }
    },
    "fence": {
        "steering": [
            {"geofence": {"rules": {"AS-CN": {"only": "region-1"}, "EU": {"never": "region-2"}}}},
            {"latency": {"within": "15%"}},
            "spread",
        ]
    },
    "share": {"steering": {"weighted": {"of": {"region-0": 3, "region-1": 1}}}},
    "first": {"steering": ["latency", {"limit": {"tiers": 3, "addresses": 2}}]},
    "many": {"steering": "multivalue"},
}
SERVICES: dict[str, dict[str, Any]] = {
    f"{name}{number or ''}": settings
    for name, settings in POLICIES.items()
    for number in range(SERVICES_EACH)
}
SERVER: dict[str, Any] = {
    "listen": ["127.0.0.1:0"],
    "topology": "topology.yaml",
    "services": "services.yaml",
    "latency": ["latency.yaml"],
    "zones": "zones",
    "state": "var",
}
_NODES: dict[str, Any] = {"": [{"type": "NS", "values": ["ns1.bench.test."]}]}
_NODES |= {"ns1": {"type": "A", "value": "192.0.2.53"}}
_NODES |= {name: {"type": "GEO", "service": name} for name in SERVICES}


def many_regions() -> dict[str, str]:
    """The files, by path. They are JSON, so also YAML; ``geodns.yaml`` is the server's."""
    largest = sorted(countries(), key=lambda country: -country.weight)[:REGIONS]
    regions = {f"region-{number}": _region(number, one) for number, one in enumerate(largest)}
    files: dict[str, dict[str, Any]] = {
        "geodns.yaml": SERVER,
        "topology.yaml": {"regions": regions},
        "services.yaml": {"services": SERVICES},
        "latency.yaml": {"latency": _latency(largest)},
        "zones/bench.test.yaml": _NODES,
    }
    return {name: json.dumps(content, indent=2) for name, content in files.items()}


def _region(number: int, country: Country) -> dict[str, Any]:
    return {
        "location": [country.latitude, country.longitude],
        "country": country.code,
        "availability_zones": {
            f"region-{number}-{az}": {
                "endpoints": {
                    service: [f"10.{place}.{number}.{az}"] for place, service in enumerate(SERVICES)
                }
            }
            for az in range(1, ZONES_EACH + 1)
        },
    }


def _latency(hosts: list[Country]) -> dict[str, dict[str, int]]:
    """Measured within each country that has a region; all else is estimated."""
    return {
        f"{country.continent}-{country.code}": {f"region-{number}": 5 + number % 10}
        for number, country in enumerate(hosts)
    }
