from django.apps import AppConfig


class Channels(AppConfig):
    name = "tresen.channels"
