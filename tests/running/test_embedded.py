from django.db import connection


def test_session_database_is_its_own_clone(db):
    with connection.cursor() as cursor:
        cursor.execute("select current_database(), current_setting('server_version_num')::int / 10000")
        name, major = cursor.fetchone()
    assert name.startswith("test_")
    assert major >= 16
