"""A disk of a few megabytes of our own: tmpfs in a mount namespace that ends with us."""

import os
import subprocess
import sys
from pathlib import Path

INSIDE = "LIGHTCONE_TEST_INSIDE"


def enter() -> None:
    """Starts this program again where it may mount; returns only there."""
    if os.environ.get(INSIDE) == "yes":
        return
    if subprocess.run(["unshare", "-Urm", "true"], capture_output=True).returncode != 0:
        sys.exit("this machine lets nobody make a user and mount namespace: try as root, or allow them")
    command = ["unshare", "-Urm", "--kill-child", sys.executable, "-u", *sys.argv]
    os.execvpe("unshare", command, {**os.environ, INSIDE: "yes"})


class SmallDisk:
    """A mounted tmpfs with a file that takes the rest of the room."""

    def __init__(self, at: Path, mib: int) -> None:
        at.mkdir(parents=True)
        subprocess.run(["mount", "-t", "tmpfs", "-o", f"size={mib}m", "lightcone-test", str(at)], check=True)
        self.at = at
        self.filler = at / "filler"

    @property
    def free(self) -> int:
        """Bytes that may still be written."""
        found = os.statvfs(self.at)
        return found.f_bavail * found.f_frsize

    def leave(self, free_bytes: int) -> None:
        """Lets the filler take all but this much; 0: everything, also what is set free meanwhile."""
        with self.filler.open("ab") as filler:
            while self.free > free_bytes:
                wanted = min(self.free - free_bytes, 1 << 20)
                try:
                    filler.write(b"\1" * max(wanted, 4096))
                    filler.flush()
                except OSError:
                    return

    def empty(self) -> None:
        """Gives the room back."""
        self.filler.unlink(missing_ok=True)

    def unmount(self) -> None:
        subprocess.run(["umount", "-l", str(self.at)], check=False)
