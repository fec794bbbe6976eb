from django.apps import AppConfig


class Kernel(AppConfig):
    name = "tresen.kernel"
