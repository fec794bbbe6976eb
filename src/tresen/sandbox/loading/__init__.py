"""Plays the demo company's world through the product's own actions, once, into an empty installation."""
