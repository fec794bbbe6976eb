"""Chooses who gets a waiting conversation; assigns through the verbs of `conversations`."""
