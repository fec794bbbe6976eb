"""What plain Starlette and plain sqlite3 need for the same work on the same machine in the same minute."""
