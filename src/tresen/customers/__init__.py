"""Facts about a person: customer, identities, company, records. Knows no message."""
