"""The good client of bench/slow and bench/faults, whose time is measured."""
import http.client
import threading
import time


class Client(threading.Thread):
    """Asks for `path` all the time, over one kept connection; notes how long each answer took, in microseconds."""

    def __init__(self, port, path):
        super().__init__()
        self.port, self.path, self.over, self.took, self.failed = port, path, threading.Event(), [], 0

    def run(self):
        connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=30)
        while not self.over.wait(0.002):
            begun = time.monotonic()
            try:
                connection.request("GET", self.path)
                answer = connection.getresponse()
                good = answer.read() and answer.status == 200
            except (OSError, http.client.HTTPException):
                connection.close()
                good = False
            self.took.append((time.monotonic() - begun) * 1e6)
            self.failed += not good

    def percentile(self, percent):
        return sorted(self.took)[len(self.took) * percent // 100]
