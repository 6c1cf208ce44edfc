"""Official API descriptions as validators: requests and responses against their schemas.

They are third-party files kept outside the repository: `TRUCKROLL_SPECS`, else `../shared/specs`.
"""

import json
import os
import re
from functools import cache
from pathlib import Path
from typing import Any

import pytest
from jsonschema import Draft202012Validator
from referencing import Registry, Resource
from referencing.jsonschema import DRAFT202012

ROOT = Path(__file__).resolve().parent.parent.parent
FOLDER = Path(os.environ.get("TRUCKROLL_SPECS") or ROOT.parent / "shared" / "specs")
URN = "urn:spec"
# ServiceTitan's module in a URL -> the file that describes it, where their names differ.
SERVICETITAN = {"sales": "servicetitan_salestech-v2.json", "telecom": "servicetitan_telecom.json"}
# Form fields newer than the description (MessageIntent), which must not be refused.
NEWER_FIELDS = frozenset({"MessageIntent"})


class Specification:
    """One OpenAPI document."""

    def __init__(self, document: dict[str, Any]) -> None:
        self.document = _nullable(document) if document["openapi"].startswith("3.0") else document
        resource = Resource.from_contents(self.document, default_specification=DRAFT202012)
        self._registry: Registry[Any] = Registry().with_resource(URN, resource)
        self._paths = [(self._pattern(path), path) for path in self.document["paths"]]

    @staticmethod
    def _pattern(path: str) -> re.Pattern[str]:
        return re.compile(re.sub(r"\\\{[^}]+\\\}", "[^/]+", re.escape(path)))

    def template(self, path: str) -> str:
        """The path template that a concrete path belongs to (literal segments win)."""
        found = [template for pattern, template in self._paths if pattern.fullmatch(path)]
        assert found, f"{path} is in no description"
        return min(found, key=lambda template: template.count("{"))

    def operation(self, method: str, path: str) -> dict[str, Any]:
        """The operation object."""
        template = self.template(path)
        operations = self.document["paths"][template]
        assert method.lower() in operations, f"{method} {template} is not described"
        operation: dict[str, Any] = operations[method.lower()]
        return operation

    def errors(self, schema: dict[str, Any], value: Any) -> list[str]:
        """What is wrong with `value`, one line each."""
        anchored = json.loads(json.dumps(schema).replace('"#/', f'"{URN}#/'))
        validator = Draft202012Validator(anchored, registry=self._registry)
        return [f"{error.json_path}: {error.message[:200]}" for error in validator.iter_errors(value)]

    def check_response(self, method: str, path: str, status: int, body: Any) -> None:
        """Fail unless the status is described and the body fits its schema."""
        responses = self.operation(method, path)["responses"]
        assert str(status) in responses, f"{method} {path} describes {sorted(responses)}, not {status}"
        content = self.resolved(responses[str(status)]).get("content") or {}
        if not content:
            assert body in (None, "", b""), f"{method} {path} {status} has no body in the description"
            return
        schema = next(iter(content.values()))["schema"]
        wrong = self.errors(schema, body)
        assert not wrong, f"{method} {path} {status}: {wrong[:5]}"

    def check_request(self, method: str, path: str, body: Any) -> None:
        """Fail unless the request body fits, unknown fields included."""
        content = self.resolved(self.operation(method, path)["requestBody"])["content"]
        kind, described = next(iter(content.items()))
        schema = self.resolved(described["schema"])
        properties = schema.get("properties", {})
        if "form" in kind:
            body = {name: self._typed(properties.get(name, {}), value) for name, value in body.items()}
        unknown = set(body) - set(properties) - NEWER_FIELDS
        assert not unknown, f"fields that {method} {path} does not describe: {sorted(unknown)}"
        wrong = self.errors(described["schema"], {k: v for k, v in body.items() if k in properties})
        assert not wrong, f"{method} {path}: {wrong[:5]}"

    def check_query(self, path: str, query: dict[str, str]) -> None:
        """Fail unless every query parameter is described."""
        names = {p["name"] for p in self.operation("GET", path)["parameters"] if p.get("in") == "query"}
        assert set(query) <= names, f"query parameters not described: {sorted(set(query) - names)}"

    def resolved(self, schema: dict[str, Any]) -> dict[str, Any]:
        """An object with its outermost `$ref` followed."""
        while "$ref" in schema:
            target: Any = self.document
            for part in schema["$ref"].removeprefix("#/").split("/"):
                target = target[part.replace("~1", "/").replace("~0", "~")]
            schema = target
        return schema

    def _typed(self, schema: dict[str, Any], value: Any) -> Any:
        kind = self.resolved(schema).get("type")
        if kind == "boolean" and value in ("true", "false"):
            return value == "true"
        if kind == "integer" and str(value).isdigit():
            return int(value)
        return [value] if kind == "array" and not isinstance(value, list) else value


def _nullable(node: Any) -> Any:
    """OpenAPI 3.0's `nullable` in the words of JSON Schema 2020-12."""
    if isinstance(node, list):
        return [_nullable(item) for item in node]
    if not isinstance(node, dict):
        return node
    made = {key: _nullable(value) for key, value in node.items()}
    if made.pop("nullable", False) is True:
        if isinstance(made.get("type"), str):
            made["type"] = [made["type"], "null"]
        if isinstance(made.get("enum"), list):
            made["enum"] = [*made["enum"], None]
        if "$ref" in made:
            made = {"anyOf": [{"$ref": made["$ref"]}, {"type": "null"}]}
    return made


@cache
def load(name: str) -> Specification:
    """A description by file name; skips the test where the files are not there."""
    path = FOLDER / name
    if not path.exists():
        pytest.skip(f"no {name} in {FOLDER}: set TRUCKROLL_SPECS to the folder of the API descriptions")
    return Specification(json.loads(path.read_text()))
