"""Settings: one file, read from the environment, the same for embedded and real servers.

With `DATABASE_URL` and `REDIS_URL` unset, the addresses of the embedded servers under
`TRUCKROLL_DATA` are computed (never started) here; `make run` and the test session start them.
"""

from datetime import timedelta
from pathlib import Path

from environs import Env
from kombu import Exchange, Queue

from config import embedded, logging

env = Env()
BASE_DIR = Path(__file__).resolve().parent.parent
DATA_DIR = Path(env.str("TRUCKROLL_DATA", str(BASE_DIR / ".truckroll"))).absolute()

DEBUG = False
TESTING = env.bool("TRUCKROLL_TESTING", False)
PUBLIC_URL = env.str("PUBLIC_URL", f"http://127.0.0.1:{env.str('PORT', '8000')}").rstrip("/")
HTTPS = PUBLIC_URL.startswith("https://")
SECRET_KEY = env.str("SECRET_KEY", "") or embedded.secret_key(DATA_DIR)
# Former keys: sessions and stored credentials that still need them.
SECRET_KEY_FALLBACKS: list[str] = env.list("SECRET_KEY_FALLBACKS", [])
# Health checks knock from inside, by address.
ALLOWED_HOSTS = [*env.list("ALLOWED_HOSTS", ["*"]), "127.0.0.1"]
CSRF_TRUSTED_ORIGINS = [PUBLIC_URL]

INSTALLED_APPS = [
    "django.contrib.auth",
    "django.contrib.contenttypes",
    "django.contrib.sessions",
    "django.contrib.messages",
    "django.contrib.staticfiles",
    "django.contrib.postgres",
    "django.contrib.humanize",
    "django_htmx",
    "template_partials",
    "axes",
    "csp",
    "accounts",
    "integrations",
    "audiences",
    "conversations",
    "campaigns",
    "analytics",
    "config",
]

MIDDLEWARE = [
    "accounts.polling.PollMiddleware",  # first: hundreds of open pages ask every second or two
    "django.middleware.security.SecurityMiddleware",
    "campaigns.views.short_links.LeadingOnMiddleware",  # before whatever asks who it is: it does not matter
    "whitenoise.middleware.WhiteNoiseMiddleware",
    "django.contrib.sessions.middleware.SessionMiddleware",
    "django.middleware.common.CommonMiddleware",
    "django.middleware.csrf.CsrfViewMiddleware",
    "django.contrib.auth.middleware.AuthenticationMiddleware",
    "accounts.middleware.SessionLifeMiddleware",
    "django.contrib.messages.middleware.MessageMiddleware",
    "django.middleware.clickjacking.XFrameOptionsMiddleware",
    "csp.middleware.CSPMiddleware",
    "accounts.middleware.HeadersMiddleware",
    "django_htmx.middleware.HtmxMiddleware",
    "accounts.middleware.NotAPageMiddleware",
    "accounts.toasts.ToastMiddleware",
    "accounts.middleware.AccessMiddleware",
    "axes.middleware.AxesMiddleware",
]

ROOT_URLCONF = "config.urls"
WSGI_APPLICATION = "config.wsgi.application"

TEMPLATES = [
    {
        "BACKEND": "django.template.backends.django.DjangoTemplates",
        "DIRS": [BASE_DIR / "templates"],
        "APP_DIRS": True,
        "OPTIONS": {
            "context_processors": [
                "django.template.context_processors.request",
                "django.contrib.auth.context_processors.auth",
                "django.contrib.messages.context_processors.messages",
                "accounts.context.shell",
            ],
            "builtins": [
                "django.contrib.humanize.templatetags.humanize",
                "template_partials.templatetags.partials",
                "accounts.templatetags.links",
                "accounts.templatetags.ui",
            ],
        },
    }
]

# The web process sets TRUCKROLL_DB_POOL: a handler that waits gives its connection back to the pool.
# Workers keep one connection each.
DB_POOL = env.int("TRUCKROLL_DB_POOL", 0)
_database = env.dj_db_url("DATABASE_URL") if env.str("DATABASE_URL", "") else embedded.database(DATA_DIR)
if DB_POOL:
    _pool = {"min_size": 2, "max_size": DB_POOL, "timeout": 20}
    _database["OPTIONS"] = {**_database.get("OPTIONS", {}), "pool": _pool}
DATABASES = {
    "default": {
        **_database,
        "CONN_HEALTH_CHECKS": True,
        "CONN_MAX_AGE": 0 if DB_POOL else None,
    }
}
REDIS_URL = env.str("REDIS_URL", "") or embedded.redis_url(DATA_DIR)

# Sending. A call that its sender never recorded is unknown after the first figure, and is looked up at the
# provider after the second, then ever more rarely. Real seconds; fault tests shorten both.
SENDER_CONCURRENCY = env.int("TRUCKROLL_SENDER_CONCURRENCY", 100)

# --- How long details are kept (see analytics/retention.py) ----------------------------------------------
# Days after their end that passages of ended campaigns keep their steps and texts; 0 keeps them for ever, so
# that every figure opens its rows. Figures and evidence stay in any case.
RETENTION_DAYS = env.int("TRUCKROLL_RETENTION_DAYS", 0)
# Days that raw callbacks are kept, in whole months; 0 for ever. Duplicates are sought two months back.
EVENT_RETENTION_DAYS = env.int("TRUCKROLL_EVENT_RETENTION_DAYS", 400)
# Days that recordings of calls lie at the provider before we have them deleted there.
RECORDING_DAYS = env.int("TRUCKROLL_RECORDING_DAYS", 90)
ABANDONED_AFTER_SECONDS = env.float("TRUCKROLL_ABANDONED_AFTER_SECONDS", 120.0)
RECONCILE_AFTER_SECONDS = env.float("TRUCKROLL_RECONCILE_AFTER_SECONDS", 180.0)


# --- Background work (see config/celery.py) -------------------------------------------------------------
CELERY_BROKER_URL = REDIS_URL.replace("unix://", "redis+socket://", 1)
CELERY_DB_REUSE_MAX = 10_000  # tasks per database connection; without it every task opens its own
# Each queue has an exchange of its own, so that nothing published through one can reach two queues.
CELERY_TASK_QUEUES = [
    Queue(name, Exchange(name), routing_key=name) for name in ("sending", "events", "engine", "bulk")
]
CELERY_TASK_DEFAULT_QUEUE = "bulk"
CELERY_TASK_CREATE_MISSING_QUEUES = False
CELERY_TASK_IGNORE_RESULT = True
CELERY_TASK_SERIALIZER = "json"
CELERY_ACCEPT_CONTENT = ["json"]
CELERY_WORKER_PREFETCH_MULTIPLIER = 1
CELERY_WORKER_HIJACK_ROOT_LOGGER = False
CELERY_WORKER_CANCEL_LONG_RUNNING_TASKS_ON_CONNECTION_LOSS = False  # the rows decide, not the broker
CELERY_WORKER_SOFT_SHUTDOWN_TIMEOUT = 10.0  # only after SIGQUIT: SIGTERM lets the running loop end itself
CELERY_BROKER_CONNECTION_RETRY_ON_STARTUP = True
CELERY_BROKER_CONNECTION_MAX_RETRIES = None
CELERY_BROKER_CONNECTION_TIMEOUT = 3
CELERY_BROKER_TRANSPORT_OPTIONS = {
    # A publish to a Redis that accepts and never answers must fail, not hang.
    "socket_timeout": 5,
    "socket_connect_timeout": 3,
    "socket_keepalive": not REDIS_URL.startswith("unix://"),
    "health_check_interval": 15,
    "visibility_timeout": 600,
    # A page that rings must not wait for a broker that is down: a second try at once, then the ring is lost.
    # Workers and beat come back by themselves, however long it takes.
    "max_retries": 1,
    "interval_start": 0,
}
CELERY_TIMEZONE = "UTC"

LOGGING_CONFIG = "logging.config.dictConfig"
LOGGING = logging.configure(env.str("LOG_LEVEL", "INFO"))

CACHES = {"default": {"BACKEND": "django.core.cache.backends.locmem.LocMemCache"}}

AUTH_USER_MODEL = "accounts.User"
AUTHENTICATION_BACKENDS = [
    "axes.backends.AxesStandaloneBackend",
    "django.contrib.auth.backends.ModelBackend",
]
PASSWORD_HASHERS = [
    "django.contrib.auth.hashers.Argon2PasswordHasher",
    "django.contrib.auth.hashers.PBKDF2PasswordHasher",
]
AUTH_PASSWORD_VALIDATORS = [
    {
        "NAME": "django.contrib.auth.password_validation.MinimumLengthValidator",
        "OPTIONS": {"min_length": 12},
    },
    {"NAME": "django.contrib.auth.password_validation.CommonPasswordValidator"},
]
LOGIN_URL = "accounts:login"
LOGIN_REDIRECT_URL = "/"
LOGOUT_REDIRECT_URL = "accounts:login"

LANGUAGE_CODE = "en-us"
TIME_ZONE = "UTC"
USE_TZ = True
USE_I18N = False

STATIC_URL = "/static/"
STATIC_ROOT = Path(env.str("TRUCKROLL_STATIC", str(DATA_DIR / "static")))
STATICFILES_DIRS = [BASE_DIR / "static"]
_STATIC_STORAGE = (
    "django.contrib.staticfiles.storage.StaticFilesStorage"
    if TESTING
    else "whitenoise.storage.CompressedManifestStaticFilesStorage"  # hashed names, cached for ever
)
STORAGES = {
    "default": {"BACKEND": "django.core.files.storage.FileSystemStorage"},
    "staticfiles": {"BACKEND": _STATIC_STORAGE},
}
# The proxy in front redirects to https and decides about its other host names; we send HSTS for ours alone.
SILENCED_SYSTEM_CHECKS = ["security.W005", "security.W008", "security.W021"]
# 300 rules of an audience have five inputs each, and in some of them hundreds of boxes are ticked.
DATA_UPLOAD_MAX_NUMBER_FIELDS = 10_000
DEFAULT_AUTO_FIELD = "django.db.models.BigAutoField"

# Account mail (password resets) goes out through SendGrid; campaigns' mail has its own path.
EMAIL_BACKEND = "integrations.sendgrid.mail.EmailBackend"
DEFAULT_FROM_EMAIL = env.str("DEFAULT_FROM_EMAIL", "") or "Truckroll <no-reply@localhost>"

# --- Sign-in, sessions and headers (accounts) ---------------------------------------------------------
# Proxies whose X-Forwarded-For may name the client: addresses or networks, separated by commas.
TRUSTED_PROXIES: list[str] = env.list("TRUSTED_PROXIES", [])
if HTTPS and TRUSTED_PROXIES:
    SECURE_PROXY_SSL_HEADER = ("HTTP_X_FORWARDED_PROTO", "https")
SECURE_HSTS_SECONDS = 365 * 24 * 3600 if HTTPS else 0

# `__Host-` ties a cookie to this host, path / and https; browsers refuse it over plain http.
_COOKIE_PREFIX = "__Host-" if HTTPS else ""
SESSION_COOKIE_NAME = f"{_COOKIE_PREFIX}sessionid"
SESSION_COOKIE_SECURE = HTTPS
SESSION_COOKIE_HTTPONLY = True
SESSION_COOKIE_SAMESITE = "Lax"
SESSION_COOKIE_AGE = 12 * 3600  # without a person's act; polls do not count
SESSION_LONGEST_AGE = 14 * 24 * 3600  # whatever happens
SESSION_TOUCH_SECONDS = 5 * 60  # how often a person's acts move the end of the session
CSRF_COOKIE_NAME = f"{_COOKIE_PREFIX}csrftoken"
CSRF_COOKIE_SECURE = HTTPS
CSRF_COOKIE_SAMESITE = "Lax"
CSRF_FAILURE_VIEW = "accounts.views.errors.csrf_failure"
PASSWORD_RESET_TIMEOUT = 3600

X_FRAME_OPTIONS = "DENY"
SECURE_REFERRER_POLICY = "same-origin"
CONTENT_SECURITY_POLICY = {
    "DIRECTIVES": {
        "default-src": ["'self'"],
        "script-src": ["'self'"],
        "style-src": ["'self'"],
        "object-src": ["'none'"],
        "base-uri": ["'none'"],
        "form-action": ["'self'"],
        "frame-ancestors": ["'none'"],
    }
}

# Five wrong passwords for one mailbox from one client close sign-in there for a quarter of an hour. Not by
# mailbox alone: anybody could lock a colleague out.
AXES_FAILURE_LIMIT = 5
AXES_COOLOFF_TIME = timedelta(minutes=15)
AXES_LOCKOUT_PARAMETERS = [["username", "ip_address"]]
AXES_USERNAME_FORM_FIELD = "username"
AXES_USERNAME_CALLABLE = "accounts.clients.throttled_name"
AXES_CLIENT_IP_CALLABLE = "accounts.clients.client_ip"
AXES_LOCKOUT_CALLABLE = "accounts.views.sign_in.locked_out"
AXES_RESET_ON_SUCCESS = True
AXES_RESET_COOL_OFF_ON_FAILURE_DURING_LOCKOUT = False  # so that the page's “try again in” stays true
AXES_ENABLE_ADMIN = False
AXES_DISABLE_ACCESS_LOG = True
AXES_VERBOSE = False
