"""One log line per fact, key=value, with no phone number or mailbox in it."""

import re
from typing import Any

import structlog
from structlog.typing import EventDict, Processor, WrappedLogger

_PHONE = re.compile(r"(?<![\w-])\+\d{4,11}(\d{4})(?![\w-])")
_MAILBOX = re.compile(r"[\w.+-]+@([\w-]+\.[\w.-]+)")


def mask(text: str) -> str:
    """Phone numbers keep their last four digits, mailboxes their domain."""
    return _MAILBOX.sub(r"…@\1", _PHONE.sub(r"+…\1", text))


def _mask_values(_: WrappedLogger, __: str, event: EventDict) -> EventDict:
    return {key: mask(value) if isinstance(value, str) else value for key, value in event.items()}


_SHARED: list[Processor] = [
    structlog.contextvars.merge_contextvars,
    structlog.stdlib.add_log_level,
    structlog.stdlib.PositionalArgumentsFormatter(),
    structlog.processors.TimeStamper(fmt="iso", utc=True),
    structlog.processors.format_exc_info,
    _mask_values,
]


def configure(level: str) -> dict[str, Any]:
    """Django's `LOGGING`: structlog's and the standard library's records leave as the same kind of line."""
    structlog.configure(
        processors=[
            structlog.stdlib.filter_by_level,
            *_SHARED,
            structlog.stdlib.ProcessorFormatter.wrap_for_formatter,
        ],
        logger_factory=structlog.stdlib.LoggerFactory(),
        wrapper_class=structlog.stdlib.BoundLogger,
        cache_logger_on_first_use=True,
    )
    return {
        "version": 1,
        "disable_existing_loggers": False,
        "formatters": {
            "line": {
                "()": structlog.stdlib.ProcessorFormatter,
                "processors": [
                    structlog.stdlib.ProcessorFormatter.remove_processors_meta,
                    structlog.processors.LogfmtRenderer(
                        key_order=["timestamp", "level", "event"], bool_as_flag=False
                    ),
                ],
                "foreign_pre_chain": _SHARED,
            }
        },
        "handlers": {"console": {"class": "logging.StreamHandler", "formatter": "line"}},
        "root": {"handlers": ["console"], "level": level},
        "loggers": {
            "celery": {"level": "WARNING"},
            "httpx": {"level": "WARNING"},
            "twilio": {"level": "WARNING"},
            "granian": {"level": "WARNING"},
        },
    }
