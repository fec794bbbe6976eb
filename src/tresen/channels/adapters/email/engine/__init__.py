"""Everything about mail that needs neither network nor database: reading, folding, judging and writing it."""
