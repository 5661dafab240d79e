"""S3 on loopback: buckets that live in memory, until the server stops."""

import urllib.request
from itertools import count

from moto.server import ThreadedMotoServer


class S3:
    """A server that runs; `start` makes one."""

    def __init__(self) -> None:
        self._server = ThreadedMotoServer(ip_address="127.0.0.1", port=0, verbose=False)
        self._server.start()
        host, port = self._server.get_host_and_port()
        self._endpoint = f"http://{host}:{port}"
        self._numbers = count(1)

    @property
    def environment(self) -> dict[str, str]:
        """What a client needs to find the server and be let in."""
        return {
            "AWS_ENDPOINT_URL": self._endpoint,
            "AWS_REGION": "us-east-1",
            "AWS_ACCESS_KEY_ID": "test",
            "AWS_SECRET_ACCESS_KEY": "test",
        }

    def new_bucket(self) -> str:
        """A bucket that is empty and that nobody else has."""
        name = f"bucket-{next(self._numbers)}"
        request = urllib.request.Request(f"{self._endpoint}/{name}", method="PUT")
        with urllib.request.urlopen(request):
            return name

    def stop(self) -> None:
        """End the server and forget its buckets."""
        self._server.stop()
