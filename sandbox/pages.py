"""Pages for people."""

from aiohttp import web

from sandbox.world import World


class Pages:
    """Plain HTML without assets."""

    def __init__(self, world: World) -> None:
        self.world = world

    def add_routes(self, route: web.UrlDispatcher) -> None:
        """Register the pages."""
