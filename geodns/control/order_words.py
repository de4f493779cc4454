"""A standing drain or force in words, for terminal and page. Pure."""

from __future__ import annotations

from typing import Any

from geodns.control.age import age
from geodns.control.view import moment


def standing(order: dict[str, Any], now: float) -> str:
    """Since when, until when, and whether the machine may be switched off."""
    words = [f"for {age(now - order['since'])}"]
    if order["until"] is not None:
        words.append(f"until {moment(order['until'])}")
    if order["kind"] == "drain":
        words.append(safe(order["safe_at"], now))
    return ", ".join(words)


def safe(at: float | None, now: float) -> str:
    """When no cache holds the drained addresses any more."""
    if at is None:
        return "not safe to switch off"
    return "safe to switch off" if at <= now else f"safe to switch off from {moment(at + 1)} on"
