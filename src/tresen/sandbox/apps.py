from django.apps import AppConfig


class Sandbox(AppConfig):
    name = "tresen.sandbox"
