"""The agents' screens. No rules live here: a view calls one action or one query."""
