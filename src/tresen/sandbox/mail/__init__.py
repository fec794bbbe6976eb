"""A small but true mail provider on loopback ports: SMTP in, POP3 and a web page out, bounces, no delay."""
