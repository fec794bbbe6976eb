from django.apps import AppConfig


class Routing(AppConfig):
    name = "tresen.routing"
