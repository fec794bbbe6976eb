"""Addresses of this room."""

from __future__ import annotations

from django.urls import URLPattern, include, path

from tresen.sandbox.views import mail, shop

app_name = "sandbox"

mailbox_urls = [
    path("", mail.inbox, name="inbox"),
    path("list/", mail.mails, name="mails"),
    path("write/", mail.write, name="write"),
    path("mail/<int:mail_id>/", mail.read, name="read"),
    path("mail/<int:mail_id>/body/", mail.body, name="body"),
    path("mail/<int:mail_id>/file/<int:number>/", mail.file, name="file"),
]

urlpatterns: list[URLPattern] = [
    path("", mail.home, name="home"),
    path("stranger/", mail.stranger, name="stranger"),
    path("language/<slug:code>/", mail.language, name="language"),
    path("as/<int:box_id>/", include(mailbox_urls)),  # type: ignore[list-item]
    path("shop/", shop.front, name="shop"),
    path("shop/contact/", shop.contact, name="contact"),
    path("shop/login/", shop.log_in, name="shop-login"),
    path("shop/identity/", shop.identity, name="shop-identity"),
]
