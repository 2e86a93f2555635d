"""Settings of every process, read from its environment. EXCHANGER_CONTEXT decides what differs (see contexts.py)."""

import secrets
from datetime import timedelta
from pathlib import Path

from exchanger.environment import LOG_LEVELS, Environment, WrongEnvironment
from exchanger.kernel.contexts import SPECS, Context
from exchanger.wiring import caches, crypto_currencies, databases, old_platform

BASE_DIR = Path(__file__).resolve().parent.parent
env = Environment()

# --- Context -----------------------------------------------------------------------------------------------------

EXCHANGER_CONTEXT = env.context
SPEC = SPECS[env.context] if env.context else None
LABEL = env.context.value if env.context else "maintenance"

DEBUG = env.flag("DEBUG")
# A maintenance process signs nothing that outlives it, so a throwaway key is the right one.
SECRET_KEY = (
    env.required("SECRET_KEY", 'make one: python -c "import secrets; print(secrets.token_urlsafe(50))"')
    if SPEC
    else secrets.token_urlsafe(50)
)
ALLOWED_HOSTS = env.names("ALLOWED_HOSTS")
if SPEC and not ALLOWED_HOSTS and not DEBUG:
    raise WrongEnvironment("ALLOWED_HOSTS is not set: list the host names this process answers, comma-separated")
CSRF_TRUSTED_ORIGINS = env.names("CSRF_TRUSTED_ORIGINS")

# --- Applications ------------------------------------------------------------------------------------------------

INSTALLED_APPS = [
    "admin_panel",  # before unfold, whose templates its own extend
    "unfold.apps.BasicAppConfig",
    "unfold.contrib.filters",
    "admin_panel.panel.apps.OperatorsAdminConfig",
    "django.contrib.auth",
    "django.contrib.contenttypes",
    "django.contrib.messages",
    "django.contrib.staticfiles",
    "django.contrib.postgres",
    "procrastinate.contrib.django",
    "rest_framework",
    "django_filters",
    "drf_spectacular",
    "drf_spectacular_sidecar",
    "exchanger",
    "identity",
    "web",
    "bot",
]
MIDDLEWARE = [
    "exchanger.kernel.metrics.requests.measured",
    "django.middleware.security.SecurityMiddleware",
    "exchanger.kernel.content_policy.content_policy",
    "whitenoise.middleware.WhiteNoiseMiddleware",
    "exchanger.kernel.caching.no_store",
    "identity.middleware.SessionMiddleware",
    "django.middleware.common.CommonMiddleware",
    "django.middleware.csrf.CsrfViewMiddleware",
    "django.contrib.auth.middleware.AuthenticationMiddleware",
    "django.contrib.messages.middleware.MessageMiddleware",
    "django.middleware.clickjacking.XFrameOptionsMiddleware",
]
if env.context is Context.ADMIN:
    MIDDLEWARE += [
        "admin_panel.middleware.PartsOfPages",
        "admin_panel.middleware.AuditDenials",
        "admin_panel.middleware.SecondFactor",
    ]
ROOT_URLCONF = SPEC.urlconf if SPEC else "exchanger.urls.maintenance"
WSGI_APPLICATION = "exchanger.wsgi.application"
TEMPLATES = [
    {
        "BACKEND": "django.template.backends.django.DjangoTemplates",
        "DIRS": [BASE_DIR / "exchanger" / "templates"],
        "APP_DIRS": True,
        "OPTIONS": {
            "context_processors": [
                "django.template.context_processors.request",
                "django.contrib.auth.context_processors.auth",
                "django.contrib.messages.context_processors.messages",
            ],
        },
    },
]

# --- Four databases, none of them the default ----------------------------------------------------------------------

DATABASES = databases(env)
DATABASE_ROUTERS = ["exchanger.kernel.router.Router"]
DEFAULT_AUTO_FIELD = "django.db.models.BigAutoField"
# Each database has its own table of pending invalidations; the router keeps them apart.
SILENCED_SYSTEM_CHECKS = ["models.W035"]
if SPEC is None:
    SILENCED_SYSTEM_CHECKS.append("security.W020")  # maintenance answers no host
PROCRASTINATE_DATABASE_ALIAS = SPEC.alias if SPEC else None
PROCRASTINATE_ON_APP_READY = "exchanger.jobs.on_app_ready"

# --- Redis ---------------------------------------------------------------------------------------------------------

REDIS_TIMEOUT = env.seconds("REDIS_TIMEOUT", 0.25)  # seconds, to connect and to answer alike
REDIS_PROBE_SECONDS = env.seconds("REDIS_PROBE_SECONDS", 2.0)  # how often one request asks whether Redis is back
CACHES = caches(env, timeout=REDIS_TIMEOUT)

# --- Money ---------------------------------------------------------------------------------------------------------

# Codes that ISO 4217 does not have, with the decimals of their amounts. Never change the decimals of one in use.
CRYPTO_CURRENCIES = crypto_currencies(env)
# Where the rates of central banks are fetched from.
FEED_URLS = {
    "nbu": env.text("NBU_RATES_URL", "https://bank.gov.ua/NBUStatService/v1/statdirectory/exchange?json"),
    "ecb": env.text("ECB_RATES_URL", "https://www.ecb.europa.eu/stats/eurofxref/eurofxref-daily.xml"),
}
FEED_TIMEOUT = env.seconds("FEED_TIMEOUT", 10.0)  # seconds that one attempt at a bank may take, from end to end

# The card processor, where clients and we ourselves reach it; without it nobody pays by card.
CARD_PROCESSOR_URL = (
    env.http_url("CARD_PROCESSOR_URL") if env.context is Context.WEB and env.text("CARD_PROCESSOR_URL") else ""
)
# Signs checkout links and the processor's calls, and opens its API.
CARD_PROCESSOR_SECRET = (
    env.required("CARD_PROCESSOR_SECRET", "set it to the secret that the processor at CARD_PROCESSOR_URL gave you")
    if CARD_PROCESSOR_URL
    else ""
)

# --- Identity ------------------------------------------------------------------------------------------------------

AUTH_USER_MODEL = "identity.User"
AUTHENTICATION_BACKENDS = ["identity.backends.IdentityBackend"]
PASSWORD_HASHERS = [
    "django.contrib.auth.hashers.Argon2PasswordHasher",
    # Read only, and renewed when their owner logs in: what an older platform stored.
    "django.contrib.auth.hashers.PBKDF2PasswordHasher",
    "django.contrib.auth.hashers.ScryptPasswordHasher",
    "django.contrib.auth.hashers.BCryptSHA256PasswordHasher",
    "identity.hashers.NodeBCryptPasswordHasher",
]
AUTH_PASSWORD_VALIDATORS = [
    {"NAME": "django.contrib.auth.password_validation.UserAttributeSimilarityValidator"},
    {"NAME": "django.contrib.auth.password_validation.MinimumLengthValidator", "OPTIONS": {"min_length": 10}},
    {"NAME": "django.contrib.auth.password_validation.CommonPasswordValidator"},
    {"NAME": "django.contrib.auth.password_validation.NumericPasswordValidator"},
]
# Where clients reach the web application: the links of our mails begin with it.
PUBLIC_WEB_URL = env.text("PUBLIC_WEB_URL", f"http://127.0.0.1:{SPECS[Context.WEB].port}")
LOGIN_URL = "/admin/login/"
LOGIN_REDIRECT_URL = "/admin/"

SECURE_COOKIES = env.flag("SECURE_COOKIES", default=True)
SESSION_ENGINE = "identity.sessions"
SESSION_COOKIE_NAME = f"exchanger_{LABEL}_session"
# A session ends when it has not been used for its idle life (SESSION_COOKIE_AGE to Django), and after its absolute
# life however much it is used. Using it lengthens it, and tells when it was last seen, at most once a minute.
SESSION_COOKIE_AGE = env.number("SESSION_IDLE_SECONDS", 30 * 60 if env.context is Context.ADMIN else 24 * 3600)
SESSION_ABSOLUTE_AGE = env.number("SESSION_ABSOLUTE_SECONDS", (12 if env.context is Context.ADMIN else 30 * 24) * 3600)
SESSION_TOUCH_SECONDS = 60
SESSION_COOKIE_SAMESITE = "Strict" if env.context is Context.ADMIN else "Lax"
SESSION_COOKIE_HTTPONLY = True
SESSION_COOKIE_SECURE = SECURE_COOKIES
# Operators prove themselves by a second factor beside the password. Off, it is asked only of those who have one.
OPERATORS_SECOND_FACTOR = env.flag("OPERATORS_SECOND_FACTOR", default=True)
# How long after a code refunds, permissions and configurations are theirs to change without another one.
OPERATORS_STEP_UP_AGE = env.number("OPERATORS_STEP_UP_SECONDS", 10 * 60)
# What encrypts the factors' secrets, comma-separated: the first one encrypts, all of them decrypt.
OPERATORS_FACTOR_SECRETS = (
    env.required("OPERATORS_FACTOR_SECRET", "set it to a long random string, and keep it").split(",")
    if env.context is Context.ADMIN
    else []
)
# An older platform's sessions, which go on here; nothing is known of one unless the environment tells it.
OLD_PLATFORM = old_platform(env, SESSION_COOKIE_NAME)
DEVICE_COOKIE_NAME = (
    f"exchanger_{LABEL}_device"  # a browser in which somebody has logged in (identity/known_devices.py)
)
CSRF_COOKIE_NAME = f"exchanger_{LABEL}_csrf"
CSRF_COOKIE_SECURE = SECURE_COOKIES
CSRF_FAILURE_VIEW = "exchanger.kernel.errors.csrf_failure"
MESSAGE_STORAGE = "django.contrib.messages.storage.session.SessionStorage"

TELEGRAM_BOT_TOKEN = env.text("TELEGRAM_BOT_TOKEN") if env.context is Context.TELEGRAM else ""
# The bot's name in Telegram, without @: codes that link an account are then links to the bot as well.
TELEGRAM_BOT_USERNAME = env.text("TELEGRAM_BOT_USERNAME").removeprefix("@") if env.context is Context.WEB else ""
# What Telegram shows when it brings updates to the webhook; without it there is no webhook.
TELEGRAM_WEBHOOK_SECRET = env.text("TELEGRAM_WEBHOOK_SECRET") if env.context is Context.TELEGRAM else ""
TELEGRAM_API_URL = env.text("TELEGRAM_API_URL", "https://api.telegram.org")
# What all processes together send: to everybody, a little below the 30 or so that Telegram takes, and to one chat.
TELEGRAM_MESSAGES_PER_SECOND = env.rate("TELEGRAM_MESSAGES_PER_SECOND", 25.0)
TELEGRAM_CHAT_MESSAGES_PER_SECOND = env.rate("TELEGRAM_CHAT_MESSAGES_PER_SECOND", 1.0)
TELEGRAM_INIT_DATA_SECONDS = 3600  # how long after Telegram signed it a Mini App's init data may open a session

# --- Between the applications: web's workers bring events to the telegram process ----------------------------------

EVENTS_SECRET = (
    env.required("EVENTS_SECRET", "set it to the same long random string in web's and telegram's processes")
    if env.context in (Context.WEB, Context.TELEGRAM)
    else ""
)
TELEGRAM_INTERNAL_URL = env.http_url("TELEGRAM_INTERNAL_URL") if env.context is Context.WEB else ""

# --- The bot acts for linked clients by calling web, with tokens that are signed for one request ---------------------

ACTING_SECRET = (
    env.required("ACTING_SECRET", "set it to the same long random string in web's and telegram's processes")
    if env.context in (Context.WEB, Context.TELEGRAM)
    else ""
)
WEB_INTERNAL_URL = env.http_url("WEB_INTERNAL_URL") if env.context is Context.TELEGRAM else ""

# --- Metrics -------------------------------------------------------------------------------------------------------

METRICS_TOKEN = env.text("METRICS_TOKEN") if SPEC else ""  # opens /metrics, which is not there without it
# Where the worker processes of one server keep their counts together; each server needs one of its own, emptied when
# it starts. Without it a process answers for itself.
PROMETHEUS_MULTIPROC_DIR = env.text("PROMETHEUS_MULTIPROC_DIR")

# --- HTTP ----------------------------------------------------------------------------------------------------------

SECURE_SSL_REDIRECT = env.flag("SECURE_SSL_REDIRECT", default=SECURE_COOKIES)
# These come over plain HTTP from inside.
SECURE_REDIRECT_EXEMPT = [r"^healthz$", r"^readyz$", r"^metrics$", r"^internal/"]
SECURE_HSTS_SECONDS = env.number("SECURE_HSTS_SECONDS", int(timedelta(days=365).total_seconds()))
SECURE_HSTS_INCLUDE_SUBDOMAINS = True
SECURE_HSTS_PRELOAD = True
if env.flag("BEHIND_TLS_PROXY"):
    SECURE_PROXY_SSL_HEADER = ("HTTP_X_FORWARDED_PROTO", "https")
TRUSTED_PROXIES = env.number("TRUSTED_PROXIES", 0)  # how many append to X-Forwarded-For before a request gets here
X_FRAME_OPTIONS = "DENY"
APPEND_SLASH = True

STATIC_URL = "/static/"
STATIC_ROOT = env.text("STATIC_ROOT") or None
# A folder that all processes of the operators' panel share, and nobody serves: finished reports, and those under way.
REPORTS_ROOT = Path(env.text("REPORTS_ROOT", str(BASE_DIR / ".local" / "reports")))
STORAGES = {
    "default": {"BACKEND": "django.core.files.storage.FileSystemStorage"},
    "reports": {
        "BACKEND": "django.core.files.storage.FileSystemStorage",
        "OPTIONS": {
            "location": REPORTS_ROOT / "files",
            "base_url": None,
            "file_permissions_mode": 0o600,
            "directory_permissions_mode": 0o700,
            "allow_overwrite": True,  # a report that is made again replaces its file
        },
    },
    "staticfiles": {
        "BACKEND": (
            "whitenoise.storage.CompressedManifestStaticFilesStorage"
            if STATIC_ROOT
            else "django.contrib.staticfiles.storage.StaticFilesStorage"
        )
    },
}

# Requests that one person, or one address where nobody is logged in, may make a minute. Reads and writes are counted
# by each process for itself; the others are costly, and counted in Redis for all processes together.
API_PER_MINUTE = {
    "reads": env.number("API_READS_PER_MINUTE", 600),
    "writes": env.number("API_WRITES_PER_MINUTE", 120),
    "quotes": env.number("API_QUOTES_PER_MINUTE", 60),
    "orders": env.number("API_ORDERS_PER_MINUTE", 30),
    "history": env.number("API_HISTORY_PER_MINUTE", 60),
    "exports": env.number("API_EXPORTS_PER_MINUTE", 10),
}
REST_FRAMEWORK = {
    "DEFAULT_AUTHENTICATION_CLASSES": [
        "identity.api.authentication.BearerAuthentication",
        "identity.api.authentication.CookieAuthentication",
    ],
    "DEFAULT_PERMISSION_CLASSES": ["rest_framework.permissions.IsAuthenticated"],
    "DEFAULT_THROTTLE_CLASSES": ["identity.api.throttles.RequestThrottle"],
    "DEFAULT_RENDERER_CLASSES": ["rest_framework.renderers.JSONRenderer"],
    "DEFAULT_PARSER_CLASSES": ["exchanger.kernel.parsing.BodyParser"],
    "DEFAULT_FILTER_BACKENDS": ["exchanger.kernel.filters.FilterBackend"],
    "DEFAULT_PAGINATION_CLASS": "exchanger.kernel.pagination.KeysetPagination",
    "DEFAULT_SCHEMA_CLASS": "exchanger.kernel.schema.Schema",
    "EXCEPTION_HANDLER": "exchanger.kernel.errors.exception_handler",
    "UNAUTHENTICATED_USER": "django.contrib.auth.models.AnonymousUser",
    "TEST_REQUEST_DEFAULT_FORMAT": "json",
}
SPECTACULAR_SETTINGS = {
    "TITLE": f"Exchanger: {LABEL}",
    "DESCRIPTION": "Amounts and rates are decimal strings, times are UTC, every error is {code, message, details}.",
    "VERSION": "1.0.0",
    "SERVE_INCLUDE_SCHEMA": False,
    "SWAGGER_UI_DIST": "SIDECAR",
    "SWAGGER_UI_FAVICON_HREF": "SIDECAR",
    "SCHEMA_PATH_PREFIX": "/api/v1",  # operations are grouped by what follows it
    "COMPONENT_SPLIT_REQUEST": True,
    "POSTPROCESSING_HOOKS": [
        "drf_spectacular.hooks.postprocess_schema_enums",
        "exchanger.kernel.openapi.links.add_links",
        "exchanger.kernel.openapi.samples.add_samples",
    ],
    "ENUM_NAME_OVERRIDES": {
        "ApplicationContextEnum": [(context.value, context.value) for context in Context],
        # The applications with a configuration: admin_panel.configuration_targets.TARGETS.
        "ConfiguredApplication": [(context.value, context.value) for context in (Context.WEB, Context.TELEGRAM)],
        "EntryKind": "web.models.transaction.EntryKind",
        "OrderStatus": "web.models.statuses.OrderStatus",
        "PaymentStatus": "web.models.statuses.PaymentStatus",
    },
}
UNFOLD = {
    "SITE_TITLE": "Exchanger",
    "SITE_HEADER": "Exchanger",
    "SITE_SUBHEADER": "Operators' panel",
    "SITE_SYMBOL": "currency_exchange",
    "SITE_URL": None,
    "SITE_FAVICONS": [{"rel": "icon", "type": "image/svg+xml", "href": "admin_panel.panel.assets.favicon"}],
    "COLORS": {},  # they stand in colours.css: no style stands in a page
    "SHOW_VIEW_ON_SITE": False,
    "ACCOUNT": {
        "navigation": [
            {"title": "Second factor", "link": "/admin/second-factor/new/"},
            {"title": "API", "link": "/api/docs/"},
        ]
    },
    "SIDEBAR": {"navigation": "admin_panel.panel.navigation.navigation", "show_search": True},
    "DASHBOARD_CALLBACK": "admin_panel.panel.dashboard.dashboard",
}

# --- Language, time, mail, logs --------------------------------------------------------------------------------------

LANGUAGE_CODE = "en"
LANGUAGES = [("en", "English"), ("uk", "Українська"), ("ru", "Русский")]
FORMAT_MODULE_PATH = "admin_panel.formats"
TIME_ZONE = "UTC"
USE_TZ = True
EMAIL_BACKEND = env.text("EMAIL_BACKEND", "django.core.mail.backends.console.EmailBackend")
EMAIL_HOST = env.text("EMAIL_HOST", "localhost")
EMAIL_PORT = env.number("EMAIL_PORT", 587)
EMAIL_HOST_USER = env.text("EMAIL_HOST_USER")
EMAIL_HOST_PASSWORD = env.text("EMAIL_HOST_PASSWORD")
EMAIL_USE_TLS = env.flag("EMAIL_USE_TLS", default=True)
EMAIL_TIMEOUT = 10  # seconds
DEFAULT_FROM_EMAIL = env.text("DEFAULT_FROM_EMAIL", "exchanger@localhost")
LOGGING = {
    "version": 1,
    "disable_existing_loggers": False,
    "formatters": {"line": {"format": "%(asctime)s %(levelname)s %(name)s %(message)s"}},
    "handlers": {"console": {"class": "logging.StreamHandler", "formatter": "line"}},
    "root": {"handlers": ["console"], "level": env.choice("LOG_LEVEL", LOG_LEVELS, "INFO")},
    "loggers": {
        "django": {"handlers": [], "level": "INFO", "propagate": True},
        "httpx": {"level": "WARNING"},
        "procrastinate": {"level": "WARNING"},
    },
}
