"""The verbs of the product: receive, reply, note, assign, take, release, resolve, reopen."""
