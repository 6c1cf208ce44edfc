"""What docker-compose.yml may say: the keys we use, as the Compose Specification types them.

Stricter than the specification where we want to be: a key it knows but we do not use is an error, so a
misspelt key cannot pass as an extension.
"""

from typing import Any

_TEXT = {"type": "string"}
_DURATION = {"type": "string", "pattern": r"^(\d+(us|ms|s|m|h))+$"}
_NAME = r"^[a-zA-Z0-9._-]+$"
_COMMAND = {"type": "array", "items": _TEXT, "minItems": 1}
_MAPPING = {
    "type": "object",
    "propertyNames": {"pattern": r"^[A-Za-z_][A-Za-z0-9_]*$"},
    "additionalProperties": {"type": ["string", "number", "boolean", "null"]},
}
_HEALTHCHECK = {
    "type": "object",
    "required": ["test"],
    "additionalProperties": False,
    "properties": {
        "test": {
            "type": "array",
            "items": _TEXT,
            "minItems": 2,
            "prefixItems": [{"enum": ["CMD", "CMD-SHELL"]}],
        },
        "interval": _DURATION,
        "timeout": _DURATION,
        "start_period": _DURATION,
        "retries": {"type": "integer", "minimum": 1},
    },
}
_DEPENDS_ON = {
    "type": "object",
    "patternProperties": {
        _NAME: {
            "type": "object",
            "required": ["condition"],
            "additionalProperties": False,
            "properties": {
                "condition": {
                    "enum": ["service_started", "service_healthy", "service_completed_successfully"]
                },
                "restart": {"type": "boolean"},
                "required": {"type": "boolean"},
            },
        }
    },
    "additionalProperties": False,
}
_SERVICE = {
    "type": "object",
    "required": ["image"],
    "additionalProperties": False,
    "properties": {
        "image": _TEXT,
        "build": {
            "type": "object",
            "additionalProperties": False,
            "properties": {"context": _TEXT, "dockerfile": _TEXT, "target": _TEXT},
        },
        "command": _COMMAND,
        "deploy": {
            "type": "object",
            "additionalProperties": False,
            "properties": {"replicas": {"type": "integer", "minimum": 0}},
        },
        "init": {"type": "boolean"},
        "restart": {"enum": ["no", "always", "on-failure", "unless-stopped"]},
        "stop_signal": {"type": "string", "pattern": "^SIG[A-Z]+$"},
        "stop_grace_period": _DURATION,
        "shm_size": {"type": "string", "pattern": r"^\d+[kmg]b?$"},
        "environment": _MAPPING,
        "volumes": {
            "type": "array",
            "items": {"type": "string", "pattern": r"^[a-z]+:/[a-z/]+(:ro)?$"},
            "uniqueItems": True,
        },
        "ports": {
            "type": "array",
            "items": {"type": "string", "pattern": r"^(\d+\.\d+\.\d+\.\d+:)?\d+:\d+$"},
            "uniqueItems": True,
        },
        "depends_on": _DEPENDS_ON,
        "healthcheck": _HEALTHCHECK,
    },
}
SCHEMA: dict[str, Any] = {
    "$schema": "https://json-schema.org/draft/2020-12/schema",
    "type": "object",
    "required": ["services"],
    "additionalProperties": False,
    "patternProperties": {"^x-": {}},
    "properties": {
        "name": {"type": "string", "pattern": "^[a-z0-9][a-z0-9_-]*$"},
        "services": {
            "type": "object",
            "patternProperties": {_NAME: _SERVICE},
            "additionalProperties": False,
        },
        "volumes": {"type": "object", "patternProperties": {_NAME: {"type": ["object", "null"]}}},
    },
}
