"""What all mappings of the configuration have in common."""

from __future__ import annotations

from typing import Annotated, Any, ClassVar

from pydantic import BaseModel, ConfigDict, Field, model_validator

Whole = Annotated[int, Field(strict=True)]  # strict: neither "5" nor true is a number
Number = Annotated[float, Field(strict=True)]
Flag = Annotated[bool, Field(strict=True)]


class Settings(BaseModel):
    """A frozen mapping of a configuration file; an unknown key is an error.

    A key with nothing behind it (``endpoints:``) means its default, and a whole mapping that is
    nothing is the empty mapping.
    """

    words: ClassVar[str | None] = None  # what such a value may be, where "a mapping" isn't all

    model_config = ConfigDict(frozen=True, extra="forbid", allow_inf_nan=False)

    @model_validator(mode="before")
    @classmethod
    def _nothing_means_default(cls, data: Any) -> Any:
        if data is None:
            return {}
        if isinstance(data, dict):
            return {
                key: value
                for key, value in data.items()
                if value is not None
                or key not in cls.model_fields
                or cls.model_fields[key].is_required()
            }
        return data
