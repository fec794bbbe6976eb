from django.apps import AppConfig


class Customers(AppConfig):
    name = "tresen.customers"
