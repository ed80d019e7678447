"""Put the locked version of uv into a folder, with nothing but the Python that runs this.

Three ways, in order, because Debian's python3 may come without venv and a lean image without pip:
a virtual environment, `pip install --target`, and last a sentence that says what to install.
"""

import subprocess
import sys
import venv
from pathlib import Path

UV_VERSION = "0.13.9"
NEEDED = (3, 11)


def main(target: Path) -> int:
    if sys.version_info < NEEDED:
        found = ".".join(map(str, sys.version_info[:3]))
        return fail(
            f"Lumbung needs Python 3.11 or newer; {sys.executable} is {found}. Try: make PYTHON=python3.12"
        )
    try:
        venv.EnvBuilder(with_pip=True, clear=True).create(target)
        return pip(target / "bin" / "python", [])
    except subprocess.CalledProcessError:
        return install_beside(target)


def install_beside(target: Path) -> int:
    """Debian splits ensurepip off: a pip that is there can still install into a folder."""
    if subprocess.run([sys.executable, "-m", "pip", "--version"], capture_output=True).returncode:
        return fail("This Python has neither venv nor pip. On Debian or Ubuntu: apt-get install python3-venv")
    return pip(sys.executable, ["--target", str(target), "--upgrade"])


def pip(python: Path | str, extra: list[str]) -> int:
    command = [
        str(python),
        "-m",
        "pip",
        "install",
        "--quiet",
        "--disable-pip-version-check",
        f"uv=={UV_VERSION}",
    ]
    return subprocess.run(command + extra).returncode


def fail(message: str) -> int:
    print(message, file=sys.stderr)
    return 1


if __name__ == "__main__":
    sys.exit(main(Path(sys.argv[1])))
