"""How dates look. German is Django's; English is the European one, so that 3/4 never means the 4th of March."""
