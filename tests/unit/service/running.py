"""A real server in a thread of the test's process."""

import io
import json
import socket
import threading
import time
from contextlib import contextmanager
from dataclasses import dataclass, field, replace

import httpx2
import uvicorn

from defectory.service.logs import Log
from defectory.service.options import Limits, ServiceOptions
from defectory.service.server import configuration, take_address
from defectory.service.service import Service

PLAIN = ServiceOptions(port=0, poll_s=0.02)


@dataclass
class Running:
    """What a test has of a server.

    Attributes
    ----------
    url : of it
    service : behind it
    log : what it has said
    """

    url: str
    service: Service
    log: io.StringIO = field(default_factory=io.StringIO)

    @property
    def port(self):
        return int(self.url.rpartition(":")[2])

    def client(self, **options):
        return httpx2.Client(base_url=self.url, timeout=20, **options)

    def connect(self):
        """A bare connection."""
        return socket.create_connection(("127.0.0.1", self.port), timeout=20)

    def mistakes(self):
        """Where mistakes of ours were made, by the log."""
        lines = [json.loads(line) for line in self.log.getvalue().splitlines()]
        return [line["where"][-1500:] for line in lines if line["event"] == "mistake"]

    def wait_for_log(self, text):
        """Return once the log has said something; a request is noted after its answer was sent."""
        deadline = time.monotonic() + 20
        while text not in self.log.getvalue():
            assert time.monotonic() < deadline, text
            time.sleep(0.005)

    def metric(self, line):
        """The value of a counter, named with its labels as Prometheus does; None where there is none."""
        lines = self.service.metrics.text().decode().splitlines()
        found = [each.rpartition(" ")[2] for each in lines if each.rpartition(" ")[0] == line]
        return float(found[0]) if found else None


@contextmanager
def running(*bundles, options=PLAIN, n_threads=2, **limits):
    """Serve bundles; limits are those of `Limits`."""
    options = replace(options, limits=replace(Limits(), **limits))
    log = io.StringIO()
    with take_address(options) as address:
        service = Service([str(bundle) for bundle in bundles], options, n_threads, Log(log))
        server = uvicorn.Server(configuration(service, address))
        address.socket.listen(100)
        serving = threading.Thread(target=server.run, args=([address.socket],))
        watching = threading.Thread(target=service.watch)
        for thread in (serving, watching):
            thread.start()
        try:
            yield Running(address.url, service, log)
        finally:
            server.should_exit = True
            serving.join()
            service.close()
            watching.join()
