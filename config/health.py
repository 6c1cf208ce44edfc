"""Two questions a load balancer asks: is the process alive, and can it serve?"""

import redis
from django.conf import settings
from django.db import Error, connection
from django.db.migrations.executor import MigrationExecutor
from django.http import HttpRequest, HttpResponse, JsonResponse
from django.views.decorators.http import require_safe

from accounts import access

_PATIENCE_SECONDS = 2
_migrated = False


@require_safe
@access.public
def healthz(request: HttpRequest) -> HttpResponse:
    """200 while the process answers at all."""
    return HttpResponse("ok\n", content_type="text/plain")


@require_safe
@access.public
def readyz(request: HttpRequest) -> JsonResponse:
    """200 once the database is reachable and migrated and Redis answers; else 503 naming what is not."""
    checks = {"database": _database_answers(), "redis": _redis_answers()}
    return JsonResponse(checks, status=200 if all(state == "ok" for state in checks.values()) else 503)


def _database_answers() -> str:
    global _migrated
    try:
        with connection.cursor() as cursor:
            cursor.execute("SELECT 1")
        if not _migrated:  # asked until it is so; a process never outlives its code's schema
            executor = MigrationExecutor(connection)
            _migrated = not executor.migration_plan(executor.loader.graph.leaf_nodes())
    except Error:  # not DatabaseError alone: a cursor or connection may break on our side, too
        return "unreachable"
    return "ok" if _migrated else "not migrated"


def _redis_answers() -> str:
    client = redis.Redis.from_url(
        settings.REDIS_URL, socket_timeout=_PATIENCE_SECONDS, socket_connect_timeout=_PATIENCE_SECONDS
    )
    try:
        client.ping()
    except redis.RedisError:
        return "unreachable"
    finally:
        client.close()
    return "ok"
