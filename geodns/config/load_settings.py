"""The settings of load: where a check reads it, and what a service does about it."""

from __future__ import annotations

import warnings
from typing import Annotated, Any, Literal

from pydantic import AfterValidator, Field, model_validator

from geodns.config.base import Settings
from geodns.config.values import Duration, Share
from geodns.config.wording import Words
from geodns.load.report import parse_path


def _json_path(value: str) -> str:
    parse_path(value)
    return value


JsonPath = Annotated[str, AfterValidator(_json_path), Words("a JSON path as in $.load.current")]
HeaderName = Annotated[str, Words("a header's name, as in X-Load")]

with warnings.catch_warnings():
    # BaseModel.json is a deprecated method that nobody calls here; the key is to be `json`.
    warnings.filterwarnings("ignore", message='Field name "json"')

    class LoadReport(Settings):
        """Where an answer tells the load of the endpoint, as a number."""

        words = "{json: $.path} or {header: NAME}"

        json: JsonPath | None = Field(  # type: ignore[assignment]
            None, description="path to it in a JSON body of at most 64 KiB"
        )
        header: HeaderName | None = Field(
            None, pattern="^[!-9;-~]+$", description="the header that holds it"
        )

        @model_validator(mode="before")
        @classmethod
        def _one_of_both(cls, data: Any) -> Any:
            # An unknown key is found by itself, with its place.
            given = data.keys() if isinstance(data, dict) else {"json"}
            if given <= {"json", "header"} and len(given) != 1:
                raise ValueError("write {json: $.path} or {header: NAME}, one of the two")
            return data


class LoadShedding(Settings):
    """``load: {low: 70%, high: 100%}``: what a service does about its endpoints' load."""

    low: Share = Field(0.7, description="of the capacity: up to here nothing is shed")
    high: Share = Field(1.0, gt=0, description="of the capacity: from here on everything is")
    smoothing: Duration | None = Field(
        None, ge=0, description="time constant of reports; default: two intervals of the check"
    )
    fall: Duration = Field(30.0, ge=0, description="the least time for shedding everything")
    rise: Duration = Field(300.0, ge=0, description="the least time for taking everything back")
    keep: Duration | None = Field(
        None, gt=0, description="how long a report holds; default: five intervals, at least 30s"
    )
    addresses: Literal["max", "sum"] = Field(
        "max", description="the load of an endpoint whose addresses report each"
    )
