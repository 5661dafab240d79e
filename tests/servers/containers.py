"""Containers, for machines where the servers may not be installed but a Docker engine answers."""

from __future__ import annotations

import os
from collections.abc import Callable
from typing import TYPE_CHECKING

from tests.servers.process import ServerFailed, answered

if TYPE_CHECKING:
    from testcontainers.core.container import DockerContainer

DOVECOT = "dovecot/dovecot:2.3.21"
GREENMAIL = "greenmail/standalone:2.1.3"
POSTGRES = "postgres:17"


def can_run(image: str) -> bool:
    """Whether a Docker engine answers and has this image, pulled now if it had not."""
    import docker
    from docker.errors import DockerException, ImageNotFound

    try:
        client = docker.from_env()
    except DockerException:
        return False
    try:
        client.images.get(image)
    except ImageNotFound:
        try:
            client.images.pull(image)
        except DockerException:
            return False
    finally:
        client.close()
    return True


def of(image: str) -> DockerContainer:
    """A container of this image, not started yet."""
    disable_ryuk()
    from testcontainers.core.container import DockerContainer

    return DockerContainer(image)


def disable_ryuk() -> None:
    """Do without the container that clears up after killed sessions: one more image, and privileged.

    testcontainers reads it when it is imported.
    """
    os.environ["TESTCONTAINERS_RYUK_DISABLED"] = "true"


def start(container: DockerContainer, answers: Callable[[], bool]) -> None:
    """Start it and return when it answers.

    Raises:
        ServerFailed: It ended, or has not answered in time; it is then removed.
    """
    container.start()
    wait_until(container, answers)


def wait_until(container: DockerContainer, answers: Callable[[], bool]) -> None:
    """Return when a container that was started answers; raises as `start` does."""
    if not answered(answers, lambda: _has_exited(container)):
        output = b"".join(container.get_logs()).decode(errors="replace")
        container.stop()
        raise ServerFailed(f"{container.image}: {output[-4000:]}")


def _has_exited(container: DockerContainer) -> bool:
    container.reload()
    return container.status == "exited"
