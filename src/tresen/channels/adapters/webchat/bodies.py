"""What browsers post: text, names and attachments, cleaned and checked before anything is stored."""

from __future__ import annotations

import base64
import binascii
import re
from typing import TypeVar

from pydantic import BaseModel, Field, ValidationError, field_validator, model_validator

from tresen.channels.contract import AdapterError, File

TEXT_MAX = 10_000
FILES_MAX = 10
MEDIA_MAX = 10 * 1024 * 1024  # bytes of all attachments of a message, before base64
UUID = r"^[0-9a-fA-F]{8}-(?:[0-9a-fA-F]{4}-){3}[0-9a-fA-F]{12}$"
_PLAIN = r"[^@\s<>\"',;:()\[\]\\]"
EMAIL = re.compile(rf"{_PLAIN}{{1,64}}@{_PLAIN}{{1,188}}\.[^@\s.<>\"',;:()\[\]\\]{{2,63}}")
# C0 and C1 controls other than tab and newline, and the marks that reverse the direction of what follows.
_CONTROLS = re.compile("[\x00-\x08\x0b-\x1f\x7f-\x9f\u202a-\u202e\u2066-\u2069]")


def printable(text: str) -> str:
    """The text without characters that nobody can see but that change what is read or stored."""
    return _CONTROLS.sub("", text.replace("\r\n", "\n").replace("\r", "\n"))


def one_line(text: str) -> str:
    """A single line of plain text: names, subjects, file names."""
    return " ".join(printable(text).split())


class Attachment(BaseModel):
    """A file inside a JSON body."""

    name: str = Field(min_length=1, max_length=255)
    type: str = Field(default="application/octet-stream", max_length=127)
    base64: str

    @field_validator("base64")
    @classmethod
    def _decodes(cls, value: str) -> str:
        try:
            base64.b64decode(value, validate=True)
        except binascii.Error:
            raise ValueError("is not base64") from None
        return value

    def file(self) -> File:
        """The decoded attachment."""
        return File(one_line(self.name) or "file", one_line(self.type), base64.b64decode(self.base64))


class Message(BaseModel):
    """What the widget posts. Name and email are given in the offline form and prove nothing."""

    id: str = Field(pattern=UUID)
    text: str = Field(default="", max_length=TEXT_MAX)
    name: str = Field(default="", max_length=200)
    email: str = Field(default="", max_length=254)
    attachments: list[Attachment] = Field(default_factory=list, max_length=FILES_MAX)

    @field_validator("id")
    @classmethod
    def _canonical(cls, value: str) -> str:
        return value.lower()

    @field_validator("text")
    @classmethod
    def _text(cls, value: str) -> str:
        return printable(value).strip()

    @field_validator("name")
    @classmethod
    def _name(cls, value: str) -> str:
        return one_line(value)

    @field_validator("email")
    @classmethod
    def _email(cls, value: str) -> str:
        value = value.strip()
        if value and not EMAIL.fullmatch(value):
            raise ValueError("is not an e-mail address")
        return value

    @model_validator(mode="after")
    def _not_empty(self) -> Message:
        if not self.text and not self.attachments:
            raise AdapterError(422, "a message needs text or an attachment", field="text")
        return self


Posted = TypeVar("Posted", bound=Message)


def validated(model: type[Posted], body: bytes) -> Posted:
    """The body as a `model`. Raises AdapterError(422): names the field, never repeats what was sent."""
    try:
        return model.model_validate_json(body)
    except ValidationError as error:
        first = error.errors(include_url=False, include_context=False, include_input=False)[0]
        field = ".".join(str(part) for part in first["loc"]) or "body"
        raise AdapterError(422, first["msg"].removeprefix("Value error, "), field=field) from None
