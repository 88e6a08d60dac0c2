"""Sets up a DVC remote to share the project; every pull verifies its content."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Literal
from urllib.parse import urlsplit

from pipeline.runtime.errors import ParameterError, UserError
from pipeline.sharing.objects import SharedProject

Setting = Literal["repo", "local"]


@dataclass(frozen=True)
class Remote:
    """A remote's name and address; `endpoint` for S3 servers other than Amazon's, or ""."""

    name: str
    url: str
    endpoint: str = ""

    def __post_init__(self) -> None:
        address = urlsplit(self.url)
        if address.username or address.password or urlsplit(self.endpoint).password:
            raise ParameterError(
                "an address must not contain credentials: it is written to a file under version control",
                hint="give them in the environment, or with `dvc remote modify --local`",
            )
        if self.endpoint and address.scheme != "s3":
            raise ParameterError(f"an endpoint is only for s3:// addresses, not for {self.url}")

    def settings(self) -> dict[str, object]:
        """Its entry in DVC's configuration. Without `verify` a pull accepts any bytes."""
        return {"url": self.url, "verify": True} | ({"endpointurl": self.endpoint} if self.endpoint else {})


def remote_at(url: str, name: str, endpoint: str, project: Path) -> Remote:
    """The remote at `url`: an address of any kind that DVC knows, or a folder outside the project.

    `ParameterError` for a folder inside, which `git clean` or `dvc repro` might remove.
    """
    if "://" in url:
        return Remote(name, url, endpoint)
    folder = Path(url).expanduser().resolve()
    if folder.is_relative_to(project.resolve()):
        raise ParameterError(
            f"the remote {folder} would be in the project itself",
            hint="give a folder outside it, on a disk that the others can reach",
        )
    return Remote(name, str(folder), endpoint)


def set_up(project: SharedProject, remote: Remote, where: Setting) -> bool:
    """Make `remote` the default in DVC's configuration; whether that changed anything.

    where: "repo" is the file that goes into git, "local" the one that stays on this machine.
    `UserError` if the name has another address.
    """
    known = project.repo.config["remote"].get(remote.name, {})
    if known and known.get("url") != remote.url:
        raise UserError(
            f"the remote {remote.name} already exists, at {known.get('url')}",
            hint=f"give another --name, or remove it first: dvc remote remove {remote.name}",
        )
    default = project.repo.config["core"].get("remote")
    if default == remote.name and remote.settings().items() <= known.items():
        return False
    with project.repo.config.edit(where) as config:
        config["remote"].setdefault(remote.name, {}).update(remote.settings())
        config["core"]["remote"] = remote.name
    project.repo.config.load()
    return True
