"""One action or one query each."""
