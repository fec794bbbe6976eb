"""What a customer types."""

from __future__ import annotations

from typing import Any

from django import forms
from django.core.files.uploadedfile import UploadedFile
from django.utils.translation import gettext_lazy as _

FILES_MAX = 10
SIZE_MAX = 10 * 1024 * 1024


class Files(forms.ClearableFileInput):
    """A field for several files."""

    allow_multiple_selected = True


class FilesField(forms.FileField):
    """All chosen files, as a list."""

    widget = Files

    def clean(self, data: Any, initial: Any = None) -> list[UploadedFile]:
        given = data if isinstance(data, list) else [data] if data else []
        if len(given) > FILES_MAX or sum(one.size or 0 for one in given) > SIZE_MAX:
            raise forms.ValidationError(_("At most 10 files of 10 MB altogether."))
        return given


class Letter(forms.Form):
    """A mail."""

    to = forms.EmailField(label=_("To"), max_length=254)
    subject = forms.CharField(label=_("Subject"), max_length=250, required=False)
    text = forms.CharField(label=_("Message"), max_length=100_000, widget=forms.Textarea(attrs={"rows": 12}))
    attached = FilesField(label=_("Attachments"), required=False)


class Stranger(forms.Form):
    """Somebody new. The address is made from the name."""

    name = forms.CharField(label=_("Your name"), max_length=80)
