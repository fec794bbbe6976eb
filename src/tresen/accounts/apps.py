from django.apps import AppConfig


class Accounts(AppConfig):
    name = "tresen.accounts"
