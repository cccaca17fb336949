"""A real Prometheus scrapes a process and evaluates the alert rules."""

from __future__ import annotations

import shutil
import time
from pathlib import Path

import httpx
import prometheus_client
import yaml

from tagging_core import Tagloop, User
from tagging_core.app import prometheus
from tests.conftest import RED, photo, wait_for
from tests.servers import Server, free_port, missing
from tests.test_deploy import DEPLOY


def test_prometheus_scrapes_a_process_and_evaluates_every_rule(loop: Tagloop, ann: User, tmp_path: Path) -> None:
    if shutil.which("prometheus") is None:
        missing("Prometheus")
    metrics_port, port = free_port(), free_port()
    loop.ingest.upload(ann, [("a.jpg", photo(RED))], "e-commerce")
    service, thread = prometheus_client.start_http_server(metrics_port, "127.0.0.1", prometheus.registry(loop))
    config = yaml.safe_load((DEPLOY / "prometheus.yml").read_text("utf-8"))
    config["global"] = {"scrape_interval": "1s", "evaluation_interval": "1s"}
    config["rule_files"] = [str(DEPLOY / "alerts.yml")]
    job = {"job_name": "worker", "static_configs": [{"targets": [f"127.0.0.1:{metrics_port}"]}]}
    down = {"job_name": "console", "static_configs": [{"targets": [f"127.0.0.1:{free_port()}"]}]}
    config["scrape_configs"] = [job, down]
    (tmp_path / "prometheus.yml").write_text(yaml.safe_dump(config))
    url = f"http://127.0.0.1:{port}"
    command = ["prometheus", f"--config.file={tmp_path}/prometheus.yml", f"--web.listen-address=127.0.0.1:{port}"]
    command += [f"--storage.tsdb.path={tmp_path}/tsdb"]
    server = Server(command, tmp_path, lambda: httpx.get(f"{url}/-/ready").raise_for_status())
    server.start()
    try:

        def instant_query(query: str) -> list[dict]:
            return httpx.get(f"{url}/api/v1/query", params={"query": query}).json()["data"]["result"]

        wait_for(lambda: instant_query("tagloop_queue_pictures"))
        assert float(instant_query("tagloop_queue_pictures")[0]["value"][1]) == 1
        time.sleep(3)
        rules = httpx.get(f"{url}/api/v1/rules").json()["data"]["groups"][0]["rules"]
        assert {rule["health"] for rule in rules} == {"ok"}
        assert [rule["name"] for rule in rules if rule["state"] != "inactive"] == ["TagloopDown"]
    finally:
        server.stop()
        service.shutdown()
        thread.join()
