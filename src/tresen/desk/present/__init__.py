"""From the rooms' rows to what the templates show."""
