"""Channels: what there is, set-up, health check, secrets, the line to embed."""

from __future__ import annotations

from typing import Any

from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.views.decorators.debug import sensitive_post_parameters
from django.views.decorators.http import require_http_methods, require_POST, require_safe

from tresen.accounts.principal import Principal
from tresen.channels import actions, registry
from tresen.channels.contract import Adapter
from tresen.channels.models import ChannelConfig
from tresen.desk.forms import ChannelForm, current, refuse
from tresen.desk.present import kinds
from tresen.desk.views.common import administrator
from tresen.kernel import settings
from tresen.kernel.errors import NotFound, TresenError
from tresen.kernel.public import PUBLIC_URL

SHOWN_ONCE = "new_channel_secrets"


@require_safe
@administrator
def channels(request: HttpRequest, me: Principal) -> HttpResponse:
    """All channels and the kinds one can add."""
    rows = ChannelConfig.objects.select_related("channel", "channel__queue").order_by("channel__name")
    listed = [(row, kinds.channel_icon(row.channel.kind), kinds.channel_label(row.channel.kind)) for row in rows]
    context = {"section": "settings", "page": "channels", "channels": listed, "kinds": _kinds()}
    return render(request, "desk/administration/channels.html", context)


def _kinds() -> list[dict[str, str]]:
    found = registry.all_adapters().values()
    return [{"kind": a.kind, "label": kinds.channel_label(a.kind), "icon": kinds.channel_icon(a.kind)} for a in found]


def _config(channel_id: int) -> ChannelConfig:
    found = ChannelConfig.objects.select_related("channel", "channel__queue").filter(pk=channel_id).first()
    if found is None:
        raise NotFound("no such channel")
    return found


@sensitive_post_parameters()
@require_http_methods(["GET", "POST"])
@administrator
def create(request: HttpRequest, me: Principal, kind: str) -> HttpResponse:
    """A new channel of one kind. Generated secrets are shown once, on the next page."""
    adapter = registry.adapter(kind)
    if adapter is None:
        raise NotFound("no such kind of channel")
    form = ChannelForm(adapter, request.POST or None, initial={"name": kinds.channel_label(kind)})
    if request.method == "POST" and form.is_valid():
        try:
            made = actions.create_channel(
                me,
                kind=kind,
                name=form.cleaned_data["name"],
                queue_id=form.cleaned_data["queue"].pk,
                settings=form.given_settings(),
                secrets=form.given_secrets(),
            )
        except TresenError as error:
            refuse(form, error)
        else:
            request.session[SHOWN_ONCE] = {str(made.config.pk): dict(made.secrets)}
            return redirect("desk:channel", made.config.pk)
    context = {**_frame(adapter), "form": form, "title": kinds.channel_label(kind)}
    return render(request, "desk/administration/channel.html", context)


def _frame(adapter: Adapter) -> dict[str, Any]:
    return {
        "section": "settings",
        "page": "channels",
        "adapter": adapter,
        "icon": kinds.channel_icon(adapter.kind),
    }


@sensitive_post_parameters()
@require_http_methods(["GET", "POST"])
@administrator
def channel(request: HttpRequest, me: Principal, channel_id: int) -> HttpResponse:
    """One channel: settings, address, embedding, last health check."""
    config = _config(channel_id)
    adapter = registry.need(config.channel.kind)
    form = ChannelForm(adapter, request.POST or None, existing=True, initial=_initial(adapter, config))
    if request.method == "POST" and form.is_valid():
        try:
            _change(me, config, form)
        except TresenError as error:
            refuse(form, error)
        else:
            return redirect("desk:channel", channel_id)
    secrets = request.session.pop(SHOWN_ONCE, {}).get(str(channel_id), {}) if request.method == "GET" else {}
    context = {**_frame(adapter), "form": form, "config": config, "title": config.channel.name}
    return render(request, "desk/administration/channel.html", {**context, **_addresses(config), "secrets": secrets})


def _initial(adapter: Adapter, config: ChannelConfig) -> dict[str, Any]:
    return {
        **current(adapter, config.settings),
        "name": config.channel.name,
        "queue": config.channel.queue_id,
        "enabled": config.channel.enabled,
        "reopen_days": config.channel.reopen_days,
        "answers_by": config.channel.answers_by_id,
        "acknowledge": config.acknowledge,
        "acknowledge_text_de": config.acknowledge_text_de,
        "acknowledge_text_en": config.acknowledge_text_en,
    }


def _change(me: Principal, config: ChannelConfig, form: ChannelForm) -> None:
    given = form.cleaned_data
    actions.change_channel(
        me,
        config.pk,
        name=given["name"],
        queue_id=given["queue"].pk,
        enabled=given["enabled"],
        settings=form.given_settings(),
        secrets=form.given_secrets(),
        answers_by=given["answers_by"].pk if given.get("answers_by") else None,
        acknowledge=given.get("acknowledge"),
        acknowledge_texts={code: given.get(f"acknowledge_text_{code}", "") for code in ("de", "en")},
        reopen_days=given["reopen_days"],
    )


def _addresses(config: ChannelConfig) -> dict[str, str]:
    """Where it is reached, and the line for a web site."""
    host = settings.get(PUBLIC_URL).rstrip("/")
    found: dict[str, str] = {}
    if registry.need(config.channel.kind).pushes:
        found["intake"] = f"{host}/in/{config.key}"
    if config.channel.kind in ("webchat", "form"):
        found["snippet"] = f'<script src="{host}/widget/{config.key}.js" async></script>'
    if config.channel.kind == "form":
        found["page_url"] = f"{host}/widget/{config.key}/form"
    return found


@require_POST
@administrator
def check(request: HttpRequest, me: Principal, channel_id: int) -> HttpResponse:
    """Runs the health check and shows what to fix."""
    actions.check_channel(me, channel_id)
    return render(request, "desk/administration/checks.html", {"config": _config(channel_id)})


@require_POST
@administrator
def renew_secret(request: HttpRequest, me: Principal, channel_id: int) -> HttpResponse:
    """A fresh generated secret, shown once."""
    name = request.POST.get("name", "")
    request.session[SHOWN_ONCE] = {str(channel_id): {name: actions.renew_secret(me, channel_id, name)}}
    return redirect("desk:channel", channel_id)
