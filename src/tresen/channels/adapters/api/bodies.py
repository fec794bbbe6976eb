"""The bodies of the `api` channel, as they go over the wire."""

from __future__ import annotations

import base64
import binascii
from typing import Annotated

from pydantic import AfterValidator, AwareDatetime, BaseModel, ConfigDict, Field, StringConstraints, field_validator


def _without_nul(value: str) -> str:
    """PostgreSQL holds no NUL, and no text needs one."""
    return value.replace("\x00", "")


Clean = Annotated[str, AfterValidator(_without_nul)]
Text = Annotated[Clean, StringConstraints(max_length=100_000)]
Short = Annotated[str, StringConstraints(pattern=r"^[^\x00]+$", max_length=250)]


class From(BaseModel):
    model_config = ConfigDict(extra="forbid")

    kind: Annotated[str, StringConstraints(pattern=r"^[a-z][a-z0-9_-]{0,39}$")]
    value: Annotated[str, StringConstraints(pattern=r"^[^\x00]+$", max_length=320)]
    name: Annotated[Clean, StringConstraints(max_length=200)] = ""
    language: Annotated[Clean, StringConstraints(max_length=5)] = ""


class Attachment(BaseModel):
    model_config = ConfigDict(extra="forbid")

    name: Annotated[Clean, StringConstraints(max_length=1000)]
    type: Annotated[str, StringConstraints(max_length=200)] = "application/octet-stream"
    base64: str

    @field_validator("base64")
    @classmethod
    def decodes(cls, value: str) -> str:
        try:
            base64.b64decode(value, validate=True)
        except binascii.Error as error:
            raise ValueError("is not base64") from error
        return value


class Body(BaseModel):
    """One message. `id` makes repeats harmless, `thread` names the conversation in the posting system."""

    model_config = ConfigDict(extra="ignore", populate_by_name=True)

    id: Short
    thread: Short
    sender: From = Field(alias="from")
    text: Text
    html: Annotated[Clean, StringConstraints(max_length=400_000)] = ""
    subject: Annotated[Clean, StringConstraints(max_length=300)] = ""
    at: AwareDatetime | None = None
    attachments: Annotated[list[Attachment], Field(max_length=50)] = Field(default_factory=list)
