"""An explanation as JSON; ``docs/explain.md`` documents its shape."""

from __future__ import annotations

import json
import math
from dataclasses import asdict
from typing import Any

from geodns.explain.explanation import Explanation


def as_json(explanation: Explanation) -> str:
    """The whole of it. Unknown costs (nan) are null, and so is what does not apply."""
    data = asdict(explanation)
    if explanation.client is not None:
        data["client"]["place"] = explanation.client.place._asdict()
    return json.dumps(_plain(data), indent=2, ensure_ascii=False)


def _plain(value: Any) -> Any:
    """Numbers that JSON does not know become null."""
    if isinstance(value, float) and not math.isfinite(value):
        return None
    if isinstance(value, dict):
        return {str(key): _plain(entry) for key, entry in value.items()}
    if isinstance(value, list | tuple):
        return [_plain(entry) for entry in value]
    return value
