# SPDX-License-Identifier: LGPL-2.1-or-later
"""Runs Mosquitto, an MQTT broker, which accepts only one user, with a password."""

import pathlib
import subprocess

import network
import server

USER, PASSWORD = "fog", "a password"


class Mosquitto(server.Running):
    """`directory` keeps the port, so that a broker that is started again on it has the same port."""

    def __init__(self, directory):
        self.directory, host = pathlib.Path(directory).resolve(), network.Loopback()
        self.directory.mkdir(parents=True, exist_ok=True)
        self.port = server.free_port(host)
        passwords = self.directory / "passwords"
        subprocess.run(["mosquitto_passwd", "-c", "-b", passwords, USER, PASSWORD], check=True)
        passwords.chmod(0o644)
        (self.directory / "mosquitto.conf").write_text(
            f"listener {self.port} 127.0.0.1\nallow_anonymous false\npassword_file {passwords}\nuser root\n")
        self.process = server.Process(
            "Mosquitto", ["/usr/sbin/mosquitto", "-c", self.directory / "mosquitto.conf"], self.directory / "log", " running", host)

    def start(self):
        self.process.launch()
        self.process.wait_ready()

    def stop(self, timeout=10):
        self.process.stop(timeout)

    def subscribe(self, topic, log):
        """Returns a running subscriber, after it has subscribed; it writes each message as a line to `log`."""
        with open(log, "ab") as output:
            popen = subprocess.Popen(
                ["setpriv", "--pdeathsig", "KILL", "--", "stdbuf", "-oL", "mosquitto_sub", "-d", "-q", "1", "-p", str(self.port), "-h", "127.0.0.1",
                 "-u", USER, "-P", PASSWORD, "-t", topic], stdin=subprocess.DEVNULL, stdout=output, stderr=subprocess.STDOUT)
        return popen
