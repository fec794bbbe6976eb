from django.apps import AppConfig


class Widget(AppConfig):
    name = "tresen.widget"
