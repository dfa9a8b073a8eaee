# SPDX-License-Identifier: LGPL-2.1-or-later
"""Runs Debian's Prometheus on loopback, and its promtool; tests/setup unpacks both."""

import json
import pathlib
import shutil
import subprocess
import urllib.error
import urllib.parse
import urllib.request

import cache
import network
import server


def program(name):
    unpacked = cache.cache_dir() / "prometheus/usr/bin" / name
    found = unpacked if unpacked.exists() else shutil.which(name)
    if not found:
        raise cache.CacheError(f"{name} is missing; run tests/setup --tests")
    return found


def promtool(*arguments, text=None):
    """Runs promtool and returns its output and its exit code."""
    done = subprocess.run(
        [program("promtool"), *map(str, arguments)], input=text, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True,
        timeout=60, check=False)
    return done.stdout, done.returncode


class Prometheus(server.Running):
    """Scrapes `targets` ({name: port on loopback, or "address:port"}) each `interval`, and evaluates the rules in the
    file `rules`."""

    def __init__(self, directory, targets, rules, interval="500ms"):
        self.directory = pathlib.Path(directory).resolve()
        self.directory.mkdir(parents=True, exist_ok=True)
        self.host = network.Loopback()
        self.port = server.free_port(self.host)
        scraped = [{"targets": [where if isinstance(where, str) else f"127.0.0.1:{where}"], "labels": {"namespace": "fog", "pod": name}} for name, where in targets.items()]
        # JSON is YAML, too
        (self.directory / "prometheus.yml").write_text(json.dumps({
            "global": {"scrape_interval": interval, "scrape_timeout": interval, "evaluation_interval": "1s"},
            "rule_files": [str(rules)],
            "scrape_configs": [{"job_name": "gst-fog", "static_configs": scraped}]}))
        self.process = server.Process("Prometheus", [], self.directory / "log", "Server is ready", self.host)
        self.processes = [self.process]

    def start(self):
        server.start_on_free_ports(self._start_once, self._other_port)

    def _other_port(self):
        self.port = server.free_port(self.host)
        return True

    def _start_once(self):
        self.process.command = [
            program("prometheus"), f"--config.file={self.directory}/prometheus.yml", f"--storage.tsdb.path={self.directory}/data",
            f"--web.listen-address=127.0.0.1:{self.port}"]
        self.process.launch()
        self.process.wait_ready()

    def stop(self, timeout=10):
        self.process.stop(timeout) if timeout else self.process.kill()

    def ask(self, path, **parameters):
        """Returns the data of an answer of Prometheus' HTTP interface; if Prometheus refuses the expression, raises an error
        with the text of the answer."""
        url = f"http://127.0.0.1:{self.port}/api/v1/{path}?{urllib.parse.urlencode(parameters)}"
        try:
            with urllib.request.urlopen(url, timeout=30) as answer:
                return json.load(answer)["data"]
        except urllib.error.HTTPError as error:
            raise AssertionError(f"{path} {parameters}: {error.read().decode()}") from None

    def query(self, expression):
        """Returns [(labels, value)], the present result of an expression."""
        return [(one["metric"], float(one["value"][1])) for one in self.ask("query", query=expression)["result"]]

    def names(self):
        """Returns the names of all metrics."""
        return set(self.ask("label/__name__/values"))
