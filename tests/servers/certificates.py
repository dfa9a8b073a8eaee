# SPDX-License-Identifier: LGPL-2.1-or-later
"""Makes a certificate authority for one test, whose PEM files the openssl command makes."""

import pathlib
import subprocess

ALWAYS = ("20200101000000Z", "21200101000000Z")
LONG_AGO = ("20200101000000Z", "20200102000000Z")

CONFIG = """
[ca]
default_ca=own
[own]
database={0}/index
new_certs_dir={0}
serial={0}/serial
default_md=sha256
policy=any
copy_extensions=copy
unique_subject=no
[any]
commonName=supplied
"""


def _openssl(*arguments):
    subprocess.run(["openssl", *map(str, arguments)], check=True, timeout=60, stdin=subprocess.DEVNULL,
                   stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)


class Authority:
    def __init__(self, directory):
        self.directory = pathlib.Path(directory)
        self.directory.mkdir(parents=True)
        self.certificate, self._key = self.directory / "ca.pem", self.directory / "ca.key"
        self._config = self.directory / "ca.cnf"
        self._config.write_text(CONFIG.format(self.directory))
        (self.directory / "index").touch()
        (self.directory / "serial").write_text("01")
        _openssl("req", "-x509", "-newkey", "rsa:2048", "-nodes", "-keyout", self._key, "-out", self.certificate,
                 "-days", 30, "-subj", f"/CN=authority {self.directory.name}")

    def issue(self, name, address="127.0.0.1", valid=ALWAYS, passphrase=None):
        """Makes the files (certificate, key) for a server at `address`, or a client called `name`."""
        certificate, key, request = (self.directory / f"{name}.{end}" for end in ("pem", "key", "csr"))
        locked = ["-passout", f"pass:{passphrase}"] if passphrase else ["-nodes"]
        _openssl("req", "-newkey", "rsa:2048", *locked, "-keyout", key, "-out", request, "-subj", f"/CN={name}",
                 "-addext", f"subjectAltName=IP:{address}")
        _openssl("ca", "-batch", "-notext", "-config", self._config, "-cert", self.certificate, "-keyfile", self._key,
                 "-startdate", valid[0], "-enddate", valid[1], "-in", request, "-out", certificate)
        return certificate, key

    def issue_store(self, name, **options):
        """Makes a key store for Kafka: key and certificate in one file."""
        certificate, key = self.issue(name, **options)
        store = certificate.with_suffix(".store")
        store.write_text(key.read_text() + certificate.read_text())
        return store
