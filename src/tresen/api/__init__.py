"""The open interface: API v1 with its schemas, authentication and versioning."""
