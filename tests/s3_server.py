"""A real S3 server on loopback, which the tests of sharing start, and a line to it that can be cut."""

from __future__ import annotations

import contextlib
import os
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from dataclasses import dataclass

import boto3
from botocore.config import Config

from tests.free_port import free_port

BUCKET = "places"
# Of a server that asks nobody who they are.
ANYBODY = {"AWS_ACCESS_KEY_ID": "anybody", "AWS_SECRET_ACCESS_KEY": "anything"}
_ENVIRONMENT = {
    "AWS_DEFAULT_REGION": "us-east-1",
    "AWS_EC2_METADATA_DISABLED": "true",
    # A dead endpoint is then given up in seconds.
    "AWS_MAX_ATTEMPTS": "2",
}


@dataclass(frozen=True)
class S3Server:
    """A server with one empty bucket; `environment` is what its users need."""

    port: int
    environment: dict[str, str]

    @property
    def endpoint(self) -> str:
        return f"http://127.0.0.1:{self.port}"

    def client(self):  # type: ignore[no-untyped-def]  # boto3 makes its classes as it runs
        return boto3.client(
            "s3",
            endpoint_url=self.endpoint,
            region_name="us-east-1",
            aws_access_key_id=self.environment["AWS_ACCESS_KEY_ID"],
            aws_secret_access_key=self.environment["AWS_SECRET_ACCESS_KEY"],
            config=Config(retries={"max_attempts": 1}),
        )


@contextlib.contextmanager
def s3_server() -> Iterator[S3Server]:
    """A server that takes anybody."""
    with _started() as port:
        server = S3Server(port, _ENVIRONMENT | ANYBODY)
        server.client().create_bucket(Bucket=BUCKET)
        yield server


@contextlib.contextmanager
def guarded_s3_server() -> Iterator[S3Server]:
    """A server that knows one user, and sends all others away."""
    # So many requests are free: those that make the user and the bucket.
    with _started(INITIAL_NO_AUTH_ACTION_COUNT="4") as port:
        iam = boto3.client(
            "iam",
            endpoint_url=f"http://127.0.0.1:{port}",
            region_name="us-east-1",
            aws_access_key_id="none",
            aws_secret_access_key="none",
        )
        iam.create_user(UserName="founder")
        iam.put_user_policy(
            UserName="founder",
            PolicyName="all",
            PolicyDocument='{"Version": "2012-10-17", "Statement": [{"Effect": "Allow", "Action": "s3:*",'
            ' "Resource": "*"}]}',
        )
        key = iam.create_access_key(UserName="founder")["AccessKey"]
        keys = {"AWS_ACCESS_KEY_ID": key["AccessKeyId"], "AWS_SECRET_ACCESS_KEY": key["SecretAccessKey"]}
        server = S3Server(port, _ENVIRONMENT | keys)
        server.client().create_bucket(Bucket=BUCKET)
        yield server


@contextlib.contextmanager
def _started(**environment: str) -> Iterator[int]:
    port = free_port()
    command = [sys.executable, "-m", "moto.server", "-H", "127.0.0.1", "-p", str(port)]
    server = subprocess.Popen(
        command, env=os.environ | environment, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL
    )
    try:
        _wait_for(port)
        yield port
    finally:
        server.kill()
        server.wait()


def _wait_for(port: int) -> None:
    end = time.monotonic() + 60
    while time.monotonic() < end:
        with contextlib.suppress(OSError), socket.create_connection(("127.0.0.1", port), timeout=1):
            return
        time.sleep(0.1)
    raise AssertionError("the S3 server did not start")


class Line:
    """A line to a port, through which so many bytes pass before it is dead, as of a server that dies."""

    def __init__(self, target: int) -> None:
        self.port = free_port()
        self.passed = 0
        self._target = target
        self._left: int | None = None
        self._sockets: set[socket.socket] = set()
        self._lock = threading.Lock()
        self._listener: socket.socket | None = None

    def open(self, limit: int | None = None) -> None:
        """Let bytes through: `limit` of them, or any number."""
        self.cut()
        self.passed, self._left = 0, limit
        listener = socket.socket()
        listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        listener.bind(("127.0.0.1", self.port))
        listener.listen()
        self._listener = listener
        threading.Thread(target=self._accept, args=(listener,), daemon=True).start()

    def cut(self) -> None:
        """Close it at both ends; nobody answers any more."""
        with self._lock:
            ends, self._sockets = self._sockets, set()
            if self._listener is not None:
                # The other thread waits in `accept`, which closing alone would not end.
                with contextlib.suppress(OSError):
                    self._listener.shutdown(socket.SHUT_RDWR)
                self._listener.close()
                self._listener = None
        for end in ends:
            with contextlib.suppress(OSError):
                end.shutdown(socket.SHUT_RDWR)
            end.close()

    def _accept(self, listener: socket.socket) -> None:
        with contextlib.suppress(OSError):
            while True:
                near, _ = listener.accept()
                far = socket.create_connection(("127.0.0.1", self._target))
                with self._lock:
                    self._sockets |= {near, far}
                for one, other in ((near, far), (far, near)):
                    threading.Thread(target=self._pass_on, args=(one, other), daemon=True).start()

    def _pass_on(self, source: socket.socket, target: socket.socket) -> None:
        with contextlib.suppress(OSError):
            while data := source.recv(1 << 14):
                with self._lock:
                    self.passed += len(data)
                    dead = self._left is not None and self.passed > self._left
                if dead:
                    self.cut()
                    return
                target.sendall(data)
            target.shutdown(socket.SHUT_WR)
