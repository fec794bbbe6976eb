"""Django as a WSGI application. `config.asgi` hosts it in threads beside the raw ASGI applications."""

from __future__ import annotations

import os

from django.core.wsgi import get_wsgi_application

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "tresen.config.settings")
application = get_wsgi_application()
