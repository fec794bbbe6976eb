from django.apps import AppConfig


class Conversations(AppConfig):
    name = "tresen.conversations"
