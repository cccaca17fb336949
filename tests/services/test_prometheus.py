"""A real Prometheus reads console and rules."""

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


def test_it_reads_what_a_process_tells_and_every_rule_can_be_evaluated(
    loop: Tagloop, ann: User, tmp_path: Path
) -> None:
    if shutil.which("prometheus") is None:
        missing("Prometheus")
    told, port = free_port(), free_port()
    loop.ingest.upload(ann, [("a.jpg", photo(RED))], "e-commerce")
    service, thread = prometheus_client.start_http_server(told, "127.0.0.1", prometheus.registry(loop))
    config = yaml.safe_load((DEPLOY / "prometheus.yml").read_text("utf-8"))
    config["global"] = {"scrape_interval": "1s", "evaluation_interval": "1s"}
    config["rule_files"] = [str(DEPLOY / "alerts.yml")]
    job = {"job_name": "worker", "static_configs": [{"targets": [f"127.0.0.1:{told}"]}]}
    gone = {"job_name": "console", "static_configs": [{"targets": [f"127.0.0.1:{free_port()}"]}]}
    config["scrape_configs"] = [job, gone]
    (tmp_path / "prometheus.yml").write_text(yaml.safe_dump(config))
    url = f"http://127.0.0.1:{port}"
    command = ["prometheus", f"--config.file={tmp_path}/prometheus.yml", f"--web.listen-address=127.0.0.1:{port}"]
    command += [f"--storage.tsdb.path={tmp_path}/tsdb"]
    server = Server(command, tmp_path, lambda: httpx.get(f"{url}/-/ready").raise_for_status())
    server.start()
    try:

        def ask(query: str) -> list[dict]:
            return httpx.get(f"{url}/api/v1/query", params={"query": query}).json()["data"]["result"]

        wait_for(lambda: ask("tagloop_queue_pictures"))
        assert float(ask("tagloop_queue_pictures")[0]["value"][1]) == 1
        time.sleep(3)
        rules = httpx.get(f"{url}/api/v1/rules").json()["data"]["groups"][0]["rules"]
        assert {rule["health"] for rule in rules} == {"ok"}
        assert [rule["name"] for rule in rules if rule["state"] != "inactive"] == ["TagloopDown"]
    finally:
        server.stop()
        service.shutdown()
        thread.join()
