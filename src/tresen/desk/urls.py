"""Addresses of the desk, below `/desk/`."""

from __future__ import annotations

from django.urls import include, path

from tresen.desk.views import conversation, entrance, files, inbox, me, new, verbs, writing
from tresen.desk.views import parked as parked_views

app_name = "desk"

conversation_urls = [
    path("", conversation.conversation, name="conversation"),
    path("head/", conversation.head, name="head"),
    path("thread/", conversation.thread, name="thread"),
    path("customer/", conversation.customer, name="customer"),
    path("write/", writing.write, name="write"),
    path("typing/", writing.typing, name="typing"),
    path("take/", verbs.take, name="take"),
    path("assign/", verbs.assign, name="assign"),
    path("release/", verbs.release, name="release"),
    path("resolve/", verbs.resolve, name="resolve"),
    path("reopen/", verbs.reopen, name="reopen"),
    path("snooze/", verbs.snooze, name="snooze"),
    path("tag/", verbs.tag, name="tag"),
    path("untag/", verbs.untag, name="untag"),
    path("priority/", verbs.priority, name="priority"),
    path("subject/", verbs.subject, name="subject"),
    path("rename/", verbs.rename, name="rename"),
    path("confirm/", verbs.confirm_identity, name="confirm-identity"),
]

urlpatterns = [
    path("", inbox.inbox, name="inbox"),
    path("list/", inbox.list_fragment, name="list"),
    path("next/", inbox.take_next, name="take-next"),
    path("c/<int:conversation_id>/", include(conversation_urls)),
    path("mail/<int:message_id>/", files.mail, name="mail"),
    path("file/<str:attachment_id>/", files.attachment, name="attachment"),
    path("retry/<int:message_id>/", parked_views.delivery_retry, name="delivery-retry"),
    path("new/", new.new, name="new"),
    path("new/customers/", new.customers, name="new-customers"),
    path("attention/", parked_views.parked, name="parked"),
    path("attention/bell/", parked_views.bell, name="bell"),
    path("attention/retry/", parked_views.retry, name="parked-retry"),
    path("presence/", me.presence, name="presence"),
    path("presence/beat/", me.beat, name="presence-beat"),
    path("preferences/", me.preferences, name="preferences"),
    path("profile/", me.profile, name="profile"),
    path("start/<str:secret>", entrance.setup, name="setup"),
    path("password/<str:secret>", entrance.password, name="password"),
    path("settings/", include("tresen.desk.views.administration.urls")),
]
