"""Settings, urls, asgi, subscriptions and the command line. May import every room."""
