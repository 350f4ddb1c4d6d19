"""One settings file. Everything that differs between installations comes from `portal.env`."""

from pathlib import Path
from urllib.parse import urlsplit

from csp.constants import NONE, SELF

from portal import env, logs

env.refuse_unknown_names()

BASE_DIR = Path(__file__).resolve().parent.parent
OVERREAD_DATA = env.data_folder(BASE_DIR / "var")
OVERREAD_RUN = env.run_folder(OVERREAD_DATA)
OVERREAD_ORIGIN = env.origin()
OVERREAD_AIRLOCK_SOCKET = env.text("OVERREAD_AIRLOCK_SOCKET", str(OVERREAD_RUN / "airlock.sock"))
OVERREAD_BUNDLE = env.text(
    "OVERREAD_BUNDLE", str(BASE_DIR / "inference/bundles/vgg16-pneumonia-0.3.0")
)
OVERREAD_CLAIM_AFTER = env.integer("OVERREAD_CLAIM_AFTER", 0, at_least=0)
OVERREAD_DEVICE = env.choice("OVERREAD_DEVICE", "auto", ("auto", "cpu", "gpu"))
OVERREAD_ENGINE = env.choice(
    "OVERREAD_ENGINE", "auto", ("auto", "tensorflow", "ncnn", "onnx", "reduced")
)
OVERREAD_LOG_FORMAT = env.choice("OVERREAD_LOG_FORMAT", "console", ("console", "json"))
OVERREAD_LEASE_SECONDS = env.seconds("OVERREAD_LEASE_SECONDS", 60)
OVERREAD_RING_AFTER_SECONDS = env.seconds("OVERREAD_RING_AFTER_SECONDS", 30)
OVERREAD_SESSION_HOURS = env.integer("OVERREAD_SESSION_HOURS", 8, at_least=1)
OVERREAD_SESSION_IDLE_MINUTES = env.integer("OVERREAD_SESSION_IDLE_MINUTES", 15, at_least=2)
OVERREAD_SWEEP_SECONDS = env.seconds("OVERREAD_SWEEP_SECONDS", 5)
OVERREAD_TRUSTED_PROXIES = env.integer("OVERREAD_TRUSTED_PROXIES", 0, at_least=0)
OVERREAD_MAX_UPLOAD_BYTES = env.integer("OVERREAD_MAX_UPLOAD_MB", 200, at_least=1) * 1024 * 1024
OVERREAD_METRICS_TOKEN = env.token("OVERREAD_METRICS_TOKEN")
OVERREAD_READS_A_MINUTE = env.integer("OVERREAD_READS_A_MINUTE", 3000, at_least=0)
OVERREAD_WRITES_A_MINUTE = env.integer("OVERREAD_WRITES_A_MINUTE", 300, at_least=0)
OVERREAD_UPLOADS_A_MINUTE = env.integer("OVERREAD_UPLOADS_A_MINUTE", 600, at_least=0)
OVERREAD_WEB_THREADS = env.integer("OVERREAD_WEB_THREADS", 8, at_least=1)
OVERREAD_WEB_WORKERS = env.integer("OVERREAD_WEB_WORKERS", 1, at_least=1)

_HOST = urlsplit(OVERREAD_ORIGIN).hostname or ""
_TLS = OVERREAD_ORIGIN.startswith("https://")
_LOOPBACK = {"127.0.0.1", "localhost", "::1", "[::1]"}

SECRET_KEY = env.secret("OVERREAD_SECRET_KEY", kept_in=OVERREAD_DATA / "keys" / "secret_key")
DEBUG = False
ALLOWED_HOSTS = sorted({_HOST} | (_LOOPBACK if _HOST in _LOOPBACK else set()))
CSRF_TRUSTED_ORIGINS = [OVERREAD_ORIGIN]
ROOT_URLCONF = "portal.urls"
WSGI_APPLICATION = "portal.wsgi.application"
AUTH_USER_MODEL = "accounts.User"
AUTHENTICATION_BACKENDS = ["portal.accounts.backends.WithSite"]
DEFAULT_AUTO_FIELD = "django.db.models.BigAutoField"
LANGUAGE_CODE = "en-gb"
TIME_ZONE = "UTC"
USE_TZ = True
USE_I18N = True

INSTALLED_APPS = [
    "whitenoise.runserver_nostatic",
    "django.contrib.auth",
    "django.contrib.contenttypes",
    "django.contrib.messages",
    "django.contrib.staticfiles",
    "django_htmx",
    "knox",
    "rest_framework",
    "drf_spectacular",
    "drf_spectacular_sidecar",
    "csp",
    "portal.audit",
    "portal.accounts",
    "portal.studies",
    "portal.predictions",
    "portal.reviews",
    "portal.watch",
    "portal.evidence",
    "portal.web",
    "portal.api",
    "portal.operations",
    "worker",
]
MIDDLEWARE = [
    "portal.http.request_log.RequestLogMiddleware",
    "django.middleware.security.SecurityMiddleware",
    "whitenoise.middleware.WhiteNoiseMiddleware",
    "csp.middleware.CSPMiddleware",
    "django.contrib.sessions.middleware.SessionMiddleware",
    "django.middleware.common.CommonMiddleware",
    "django.contrib.auth.middleware.AuthenticationMiddleware",
    # before CSRF, which reads the body: a stranger's upload is refused unread
    "portal.http.signed_in.SignedInMiddleware",
    "django.middleware.csrf.CsrfViewMiddleware",
    "django.contrib.messages.middleware.MessageMiddleware",
    "django.middleware.clickjacking.XFrameOptionsMiddleware",
    "django_htmx.middleware.HtmxMiddleware",
    "portal.http.refusals.RefusalMiddleware",
]
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
            ]
        },
    }
]

DATABASES = {"default": env.database(f"sqlite:///{OVERREAD_DATA / 'overread.sqlite3'}")}
OVERREAD_OWNER_DATABASE = env.owner_database(DATABASES["default"])
if DATABASES["default"]["ENGINE"].endswith("sqlite3"):
    DATABASES["default"]["OPTIONS"] = {
        "timeout": 20,
        "transaction_mode": "IMMEDIATE",
        "init_command": (
            "PRAGMA journal_mode=WAL; PRAGMA synchronous=FULL; PRAGMA recursive_triggers=ON;"
            "PRAGMA foreign_keys=ON;"
        ),
    }
else:
    DATABASES["default"]["CONN_MAX_AGE"] = 60
    DATABASES["default"]["CONN_HEALTH_CHECKS"] = True
    # a server that is gone without a word, and a process that stands still with locks in hand,
    # must not take everybody's threads away; what DATABASE_URL says besides goes before
    DATABASES["default"]["OPTIONS"] = {
        "connect_timeout": 5,  # seconds
        "keepalives_idle": 30,
        "keepalives_interval": 10,
        "keepalives_count": 3,
        "tcp_user_timeout": 30_000,  # milliseconds
        "options": "-c lock_timeout=20s -c idle_in_transaction_session_timeout=60s",
        **DATABASES["default"].get("OPTIONS", {}),
    }

PASSWORD_HASHERS = ["portal.accounts.hashers.BoundedArgon2"]
AUTH_PASSWORD_VALIDATORS = [
    {
        "NAME": "django.contrib.auth.password_validation.MinimumLengthValidator",
        "OPTIONS": {"min_length": 12},
    },
    {
        "NAME": "django.contrib.auth.password_validation.UserAttributeSimilarityValidator",
        "OPTIONS": {"user_attributes": ("username", "name")},
    },
    {"NAME": "django.contrib.auth.password_validation.CommonPasswordValidator"},
    {"NAME": "django.contrib.auth.password_validation.NumericPasswordValidator"},
]
LOGIN_URL = "sign-in"
LOGIN_REDIRECT_URL = "home"
LOGOUT_REDIRECT_URL = "sign-in"

SESSION_ENGINE = "portal.accounts.session_store"
SESSION_COOKIE_AGE = OVERREAD_SESSION_HOURS * 3600
SESSION_COOKIE_HTTPONLY = True
SESSION_COOKIE_SAMESITE = "Lax"
SESSION_COOKIE_SECURE = CSRF_COOKIE_SECURE = _TLS
SESSION_COOKIE_NAME = "__Host-session" if _TLS else "session"
CSRF_COOKIE_NAME = "__Host-csrf" if _TLS else "csrf"
CSRF_COOKIE_HTTPONLY = True
CSRF_FAILURE_VIEW = "portal.web.views.csrf_failed"
SECURE_SSL_REDIRECT = _TLS
SECURE_REDIRECT_EXEMPT = [r"^(healthz|readyz)$"]  # asked for from inside, where no TLS is
SECURE_PROXY_SSL_HEADER = ("HTTP_X_FORWARDED_PROTO", "https") if _TLS else None
SECURE_HSTS_SECONDS = 365 * 24 * 3600 if _TLS else 0
SECURE_HSTS_INCLUDE_SUBDOMAINS = _TLS
SECURE_HSTS_PRELOAD = _TLS
SECURE_REFERRER_POLICY = "same-origin"
X_FRAME_OPTIONS = "DENY"
CONTENT_SECURITY_POLICY = {
    "DIRECTIVES": {
        "default-src": [NONE],
        "script-src": [SELF],
        "style-src": [SELF],
        "img-src": [SELF],
        "font-src": [SELF],
        "connect-src": [SELF],
        "form-action": [SELF],
        "base-uri": [NONE],
        "frame-ancestors": [NONE],
    }
}

STATIC_URL = "/static/"
STATICFILES_DIRS: list[Path] = []
WHITENOISE_USE_FINDERS = True
WHITENOISE_MAX_AGE = 365 * 24 * 3600  # seconds; another content has another address
STORAGES = {
    "default": {"BACKEND": "django.core.files.storage.FileSystemStorage"},
    "staticfiles": {"BACKEND": "portal.web.static_urls.VersionedStaticFiles"},
}
FILE_UPLOAD_HANDLERS = ["portal.http.uploads.IncomingBlobHandler"]
DATA_UPLOAD_MAX_MEMORY_SIZE = 2 * 1024 * 1024
DATA_UPLOAD_MAX_NUMBER_FILES = 1000

REST_FRAMEWORK = {
    "DEFAULT_AUTHENTICATION_CLASSES": [
        "portal.api.authentication.TokenAuthentication",
        "rest_framework.authentication.SessionAuthentication",
    ],
    "DEFAULT_PERMISSION_CLASSES": ["rest_framework.permissions.IsAuthenticated"],
    "DEFAULT_RENDERER_CLASSES": [
        "rest_framework.renderers.JSONRenderer",
        "portal.api.media.V1Renderer",
    ],
    "DEFAULT_PARSER_CLASSES": ["portal.api.parsers.StrictJSONParser", "portal.api.media.V1Parser"],
    "DEFAULT_THROTTLE_CLASSES": ["portal.api.limits.RateLimit"],
    "DEFAULT_SCHEMA_CLASS": "drf_spectacular.openapi.AutoSchema",
    "EXCEPTION_HANDLER": "portal.api.problems.handle",
    "UNAUTHENTICATED_USER": None,
    "URL_FORMAT_OVERRIDE": None,
}
REST_KNOX = {"AUTH_HEADER_PREFIX": "Token", "TOKEN_PREFIX": "ovr_"}
SPECTACULAR_SETTINGS = {
    "TITLE": "Overread",
    "VERSION": "1.0",
    "DESCRIPTION": "Upload chest radiographs, follow their predictions, review them.",
    "SERVE_INCLUDE_SCHEMA": False,
    "SCHEMA_PATH_PREFIX": "/api/v1",
    "POSTPROCESSING_HOOKS": [],  # words of a choice stay beside the field that takes them
    "SWAGGER_UI_DIST": "SIDECAR",
    "SWAGGER_UI_FAVICON_HREF": "SIDECAR",
}

REDIS_URL = env.broker(f"redis+socket://{OVERREAD_RUN / 'valkey.sock'}")
CELERY_BROKER_URL = REDIS_URL
CELERY_TASK_DEFAULT_QUEUE = "general"
CELERY_TASK_ACKS_LATE = True
CELERY_TASK_REJECT_ON_WORKER_LOST = False
CELERY_TASK_IGNORE_RESULT = True
CELERY_TASK_SERIALIZER = "json"
CELERY_ACCEPT_CONTENT = ["json"]
CELERY_WORKER_PREFETCH_MULTIPLIER = 1
CELERY_WORKER_HIJACK_ROOT_LOGGER = False
CELERY_BROKER_CONNECTION_RETRY_ON_STARTUP = True
CELERY_BROKER_CONNECTION_MAX_RETRIES = None
CELERY_BROKER_CONNECTION_TIMEOUT = 1
CELERY_BROKER_TRANSPORT_OPTIONS = {
    "socket_timeout": 1,
    "socket_connect_timeout": 1,
    "retry_on_timeout": False,
    "max_retries": 0,
    "unacked_restore_interval": 2,
    "unacked_restore_throttle": 1,
}

LOGGING = logs.configuration(
    as_json=OVERREAD_LOG_FORMAT == "json",
    level=env.choice(
        "OVERREAD_LOG_LEVEL", "INFO", ("DEBUG", "INFO", "WARNING", "ERROR", "CRITICAL")
    ),
)
