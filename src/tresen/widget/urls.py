"""Addresses of this room."""

from __future__ import annotations

from django.urls import URLPattern, path

from tresen.widget import pages, views

urlpatterns: list[URLPattern] = [
    path("<slug:key>.js", pages.script, name="widget-script"),
    path("assets/<slug:version>/<str:name>", pages.asset, name="widget-asset"),
    path("<slug:key>/form", pages.form, name="widget-form"),
    path("<slug:key>/chat", pages.chat, name="widget-chat"),
    path("<slug:key>/session", views.session),
    path("<slug:key>/messages", views.messages),
    path("<slug:key>/typing", views.typing),
    path("<slug:key>/read", views.read),
    path("<slug:key>/code", views.code),
    path("<slug:key>/proof", views.form_proof),
    path("<slug:key>/files/<slug:file_id>", views.file),
]
