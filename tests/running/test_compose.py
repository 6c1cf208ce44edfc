"""docker-compose.yml against its schema, and against what the product needs: no engine runs it here."""

import re
import subprocess
import sys

import jsonschema
import pytest
import yaml

from config import alive, running
from config.celery import QUEUES
from integrations import connections
from tests.product import ROOT
from tests.running.compose_schema import SCHEMA

TEXT = (ROOT / "docker-compose.yml").read_text()
PRODUCT = {"migrate", "web", "beat", *QUEUES}


@pytest.fixture
def compose():
    return yaml.safe_load(TEXT)


def test_file_keeps_to_the_schema(compose):
    jsonschema.Draft202012Validator.check_schema(SCHEMA)
    jsonschema.validate(compose, SCHEMA)


def test_schema_refuses_a_misspelt_key(compose):
    compose["services"]["web"]["health_check"] = compose["services"]["web"].pop("healthcheck")
    with pytest.raises(jsonschema.ValidationError, match="health_check"):
        jsonschema.validate(compose, SCHEMA)


def test_every_queue_has_its_worker(compose):
    services = compose["services"]
    assert set(services) == PRODUCT | {"postgres", "redis"}
    for queue in QUEUES:
        command = services[queue]["command"]
        assert command[command.index("-Q") + 1] == queue
        assert command[command.index("--pool") + 1] == "solo"
        workers = services[queue].get("deploy", {}).get("replicas", 1)
        assert workers == list(running.WORKERS.values()).count(queue), queue
    assert services["postgres"]["image"] == "postgres:18"


def test_every_lasting_service_has_a_health_check_and_a_restart(compose):
    for name, service in compose["services"].items():
        if name == "migrate":
            assert service["restart"] == "on-failure"
            continue
        assert service["restart"] == "unless-stopped", name
        assert "healthcheck" in service, name


def test_product_waits_for_migrated_database_and_redis(compose):
    for name in PRODUCT - {"migrate"}:
        conditions = {
            other: wait["condition"] for other, wait in compose["services"][name]["depends_on"].items()
        }
        assert conditions == {
            "migrate": "service_completed_successfully",
            "redis": "service_healthy",
        }, name
    assert compose["services"]["migrate"]["depends_on"] == {"postgres": {"condition": "service_healthy"}}


def test_dependencies_and_volumes_exist(compose):
    services, volumes = compose["services"], set(compose["volumes"])
    used = {line.split(":")[0] for service in services.values() for line in service.get("volumes", [])}
    assert used == volumes
    for service in services.values():
        assert set(service.get("depends_on", {})) <= set(services)


def test_no_secret_has_a_value_or_a_default(compose):
    secret = re.compile(r"KEY|TOKEN|SECRET|PASSWORD|AUTH")
    for name, service in compose["services"].items():
        for variable, value in service.get("environment", {}).items():
            if secret.search(variable):
                assert re.fullmatch(r"\$\{[A-Z_]+(:\?[^}]+|:-)\}", value), f"{name}.{variable}"
    for interpolated in re.findall(r"\$\{(\w+)(:[-?])?([^}]*)\}", TEXT):
        variable, kind, rest = interpolated
        assert kind == ":?" or (kind == ":-" and not rest), variable
    # The servers' passwords and the signing key are demanded; providers may be connected on the page later.
    demanded = set(re.findall(r"\$\{(\w+):\?", TEXT))
    assert demanded == {"SECRET_KEY", "PUBLIC_URL", "ALLOWED_HOSTS", "POSTGRES_PASSWORD", "REDIS_PASSWORD"}


def test_the_step_before_everything_connects_what_the_environment_names(compose):
    migrate = compose["services"]["migrate"]
    assert migrate["command"] == ["python", "-m", "config.prepare", "--server"]
    kept = (connections._CREDENTIALS, connections._SETTINGS)
    named = {variable for kind in kept for provider in kind.values() for variable in provider}
    passed = {name: value for name, value in migrate["environment"].items() if name in named}
    assert passed == {name: f"${{{name}:-}}" for name in named}
    assert migrate["environment"]["TRUCKROLL_ADMIN"] == "${TRUCKROLL_ADMIN:-}"
    for name in PRODUCT - {"migrate"}:
        assert "TRUCKROLL_ADMIN" not in compose["services"][name]["environment"], (
            "a password stays where it is needed"
        )
        assert "DEFAULT_FROM_EMAIL" in compose["services"][name]["environment"]


def test_only_the_web_is_reachable_and_only_from_this_machine(compose):
    ports = {name: service["ports"] for name, service in compose["services"].items() if "ports" in service}
    assert ports == {"web": ["127.0.0.1:8000:8000"]}


def test_image_holds_every_package_of_the_product():
    dockerfile = (ROOT / "Dockerfile").read_text()
    copied = set(re.findall(r"^COPY (\w+) \1$", dockerfile, re.MULTILINE))
    packages = {path.parent.name for path in ROOT.glob("*/__init__.py")} - {"tests", "sandbox", "bench"}
    assert copied == packages | {"templates", "static"}
    assert "USER truckroll" in dockerfile


def test_mark_says_whether_a_worker_still_works(tmp_path, monkeypatch):
    mark = tmp_path / "alive"
    monkeypatch.setenv(alive.VARIABLE, str(mark))
    assert not alive.healthy("60")
    mark.touch()
    assert alive.healthy("60")
    assert not alive.healthy("0")


def test_health_check_is_a_command_without_the_product():
    done = subprocess.run(
        [sys.executable, "-X", "importtime", "-m", "config.alive", "http://127.0.0.1:9/"],
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 1
    assert "django" not in done.stderr
