"""Play the customer: a demo company and a page with its customers' mail and chat. Loopback only."""
