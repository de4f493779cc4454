"""By what the AZs of a region share a service's clients, as its steering says."""

from __future__ import annotations

from geodns.config.settings import Service
from geodns.steering.chain import ShareBasis, traits_of
from geodns.steering.presets import chain_of


def share_basis(service: Service) -> ShareBasis:
    """``weight`` unless the chain says otherwise."""
    return traits_of(chain_of(service.steering)).share_by
