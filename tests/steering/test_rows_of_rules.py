"""What a rule's row may say beyond one client and a list of names."""

from __future__ import annotations

from ranked import tiers_of

from geodns.config.settings import Region, Service, Topology
from geodns.geo.place import Place
from geodns.steering.policy import Steering
from geodns.steering.units import Candidate


def test_a_fence_may_keep_everybody_out_and_several_clients_may_share_a_row() -> None:
    chain = [{"geofence": {"rules": {"EU-DE, EU-FR": {"only": []}}}}, "nearest"]
    policy = Steering(
        Service.model_validate({"steering": chain}),
        Topology(regions={"eu": Region(location=(50, 8)), "us": Region(location=(38, -77))}),
        [Candidate("web@eu-a", "eu", "eu-a", 1), Candidate("web@us-a", "us", "us-a", 1)],
        [],
    )
    assert tiers_of(policy, Place(52, 13, "EU", "DE")) == []
    assert tiers_of(policy, Place(48, 2, "EU", "FR")) == []
    assert tiers_of(policy, Place(51, 0, "EU", "GB")) == [["eu"], ["us"]]
