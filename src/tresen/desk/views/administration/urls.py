"""Addresses below `/desk/settings/`; they belong to the namespace `desk`."""

from __future__ import annotations

from django.urls import path
from django.views.generic import RedirectView

from tresen.desk.views.administration import channels, company, queues, staff, teams, tokens

urlpatterns = [
    path("", RedirectView.as_view(pattern_name="desk:channels"), name="settings"),
    path("channels/", channels.channels, name="channels"),
    path("channels/new/<slug:kind>/", channels.create, name="channel-new"),
    path("channels/<int:channel_id>/", channels.channel, name="channel"),
    path("channels/<int:channel_id>/check/", channels.check, name="channel-check"),
    path("channels/<int:channel_id>/secret/", channels.renew_secret, name="channel-secret"),
    path("queues/", queues.queues, name="queues"),
    path("queues/new/", queues.queue, name="queue-new"),
    path("queues/<int:queue_id>/", queues.queue, name="queue"),
    path("staff/", staff.people, name="staff"),
    path("staff/new/", staff.create, name="staff-new"),
    path("staff/<int:user_id>/", staff.person, name="person"),
    path("staff/<int:user_id>/link/", staff.link, name="person-link"),
    path("teams/", teams.teams, name="teams"),
    path("teams/new/", teams.team, name="team-new"),
    path("teams/<int:team_id>/", teams.team, name="team"),
    path("tokens/", tokens.tokens, name="tokens"),
    path("tokens/<int:token_id>/revoke/", tokens.revoke, name="token-revoke"),
    path("company/", company.company, name="company"),
    path("fields/", company.fields, name="fields"),
]
