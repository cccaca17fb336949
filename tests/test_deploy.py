"""`deploy/` matches the settings, commands and metrics of Tagloop."""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import Any

import pytest
import yaml

from tagging_core import Settings, Tagloop
from tagging_core.app import prometheus
from tagging_core.cli.commands import _work
from tagging_core.cli.main import _parser

DEPLOY = Path(__file__).parent.parent / "deploy"
_METRIC = re.compile(r"\b(tagloop_\w+|process_\w+)")


def compose() -> dict[str, Any]:
    return yaml.safe_load((DEPLOY / "compose.yaml").read_text("utf-8"))


def test_every_variable_is_a_setting() -> None:
    named = {name for s in compose()["services"].values() for name in s.get("environment", {})}
    assert {"TAGLOOP_DATABASE_URL", "TAGLOOP_CHROMA_URL", "TAGLOOP_QUEUE_URL", "TAGLOOP_ASSETS_URL"} <= named
    settings = {f"TAGLOOP_{name.upper()}" for name in Settings.model_fields}
    assert {name for name in named if name.startswith("TAGLOOP_")} <= settings


def test_the_settings_of_console_and_worker_are_accepted(monkeypatch: pytest.MonkeyPatch) -> None:
    for name, value in compose()["services"]["worker"]["environment"].items():
        monkeypatch.setenv(name, value)
    settings = Settings()
    assert settings.queue_url.startswith("amqp://")
    assert settings.database.startswith("postgresql+psycopg://")


def test_the_command_of_the_worker_is_valid(monkeypatch: pytest.MonkeyPatch) -> None:
    command = compose()["services"]["worker"]["command"]
    options = _parser().parse_args(command[3:])
    assert options.run is _work
    scraped = yaml.safe_load((DEPLOY / "prometheus.yml").read_text("utf-8"))["scrape_configs"]
    assert options.metrics_port in {target["port"] for job in scraped for target in job["dns_sd_configs"]}


def test_only_the_proxy_is_exposed() -> None:
    exposed = {
        name: [port for port in service["ports"] if not port.startswith("127.0.0.1:")]
        for name, service in compose()["services"].items()
        if "ports" in service
    }
    assert {name for name, ports in exposed.items() if ports} == {"proxy"}


def test_every_mounted_file_exists() -> None:
    mounted = [v.split(":")[0] for s in compose()["services"].values() for v in s.get("volumes", [])]
    assert all((DEPLOY / path).exists() for path in mounted if path.startswith("./"))


def test_every_metric_in_dashboards_and_alerts_is_exported(loop: Tagloop) -> None:
    exported = set(_METRIC.findall(prometheus.expose(loop).decode()))
    # These exist after the first request.
    exported |= {"tagloop_request_seconds_bucket", "tagloop_request_seconds_count"}
    dashboard = json.loads((DEPLOY / "grafana" / "dashboards" / "tagloop.json").read_text("utf-8"))
    expressions = [target["expr"] for panel in dashboard["panels"] for target in panel["targets"]]
    alerts = yaml.safe_load((DEPLOY / "alerts.yml").read_text("utf-8"))
    expressions += [rule["expr"] for group in alerts["groups"] for rule in group["rules"]]
    assert len(expressions) > 20
    wanted = {name for expression in expressions for name in _METRIC.findall(expression)}
    assert wanted <= exported
