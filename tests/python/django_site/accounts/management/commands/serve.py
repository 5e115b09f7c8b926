"""Serves the site on a free port, and prints its address."""

from django.core.management.base import BaseCommand
from django.core.servers.basehttp import ThreadedWSGIServer, WSGIRequestHandler, get_internal_wsgi_application


class Handler(WSGIRequestHandler):
    def log_message(self, *arguments):
        pass


class Command(BaseCommand):
    def handle(self, **options):
        server = ThreadedWSGIServer(("127.0.0.1", 0), Handler)
        server.set_app(get_internal_wsgi_application())
        print(f"http://127.0.0.1:{server.server_port}", flush=True)
        server.serve_forever()
