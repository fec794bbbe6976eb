"""The edge: the only room that knows messaging providers. Receipts come in, deliveries go out."""
