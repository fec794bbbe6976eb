"""Journal, jobs, stream, clock, ids, errors and safe HTTP. Knows no product noun and imports no room."""
