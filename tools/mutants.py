"""Changes the allocator's core in thousands of small ways and runs its unit tests against each.

A mutant that no test notices is either the same program in other words, or a test that is missing: docs/mutants.md
says which. Runs mutmut on a copy, since it writes beside what it reads.
"""

from __future__ import annotations

import argparse
import re
import shutil
import subprocess
import sys
from collections import Counter
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
STOCK = ROOT / "services/stock"
COPY = ROOT / ".lumbung/mutants"
DOMAIN = (
    "allocate",
    "answers",
    "carts",
    "flash_sales",
    "levels",
    "partial",
    "pools",
    "reckoning",
    "resolve",
    "settle",
    "soft_holds",
    "sourcing",
    "without_gate",
)
STORES = ("journal_codec",)
CORE = DOMAIN + STORES

CONFTEST = """
from hypothesis import HealthCheck, settings

settings.register_profile(
    "mutants", database=None, deadline=None, max_examples=60, suppress_health_check=list(HealthCheck)
)
settings.load_profile("mutants")
"""
CONFIG = """
[project]
name = "mutants"
version = "0"

[tool.pytest.ini_options]
asyncio_mode = "auto"
addopts = ["-p", "no:valkey", "-p", "no:xdist", "--import-mode=importlib", "-x", "-q"]

[tool.mutmut]
source_paths = [{sources}]
also_copy = ["src", "tests", "conftest.py"]
pytest_add_cli_args_test_selection = [{tests}]
"""


def main() -> int:
    asked = argparse.ArgumentParser(description=__doc__)
    asked.add_argument(
        "modules", nargs="*", default=CORE, help=f"of {', '.join(CORE)}; all when none is named"
    )
    asked.add_argument("--diffs", action="store_true", help="show what each survivor changed")
    options = asked.parse_args()
    prepare(options.modules)
    subprocess.run([_mutmut(), "run", "--max-children", "1"], cwd=COPY, check=True, stdout=subprocess.DEVNULL)
    return report(options.modules, diffs=options.diffs)


def prepare(modules: list[str]) -> None:
    """The copy that is changed."""
    shutil.rmtree(COPY, ignore_errors=True)
    shutil.copytree(STOCK / "src", COPY / "src")
    shutil.copytree(STOCK / "tests/unit", COPY / "tests/unit")
    shutil.copy(STOCK / "tests/conftest.py", COPY / "tests/conftest.py")
    (COPY / "conftest.py").write_text((ROOT / "conftest.py").read_text() + CONFTEST)
    tests = [f"tests/unit/test_{name}.py" for name in CORE if (COPY / f"tests/unit/test_{name}.py").exists()]
    sources = [f"src/{_package(name).replace('.', '/')}/{name}.py" for name in modules]
    (COPY / "pyproject.toml").write_text(CONFIG.format(sources=_quoted(sources), tests=_quoted(tests)))


def report(modules: list[str], *, diffs: bool) -> int:
    """One line a module, then every mutant that lived."""
    found = subprocess.run(
        [_mutmut(), "results", "--all", "true"], cwd=COPY, check=True, capture_output=True, text=True
    ).stdout
    fates = re.findall(r"lumbung_stock\.(?:domain|stores)\.(\w+)\.(\S+): (\S+)", found)
    for module in modules:
        counted = Counter(fate for name, _, fate in fates if name == module)
        print(
            f"{module:13} {sum(counted.values()):4} mutants  "
            + ", ".join(f"{n} {f}" for f, n in counted.items())
        )
    alive = [f"{_package(module)}.{module}.{name}" for module, name, fate in fates if fate != "killed"]
    for name in alive:
        print(name if not diffs else _diff(name))
    return 0 if fates else 1


def _diff(name: str) -> str:
    shown = subprocess.run(
        [_mutmut(), "show", name], cwd=COPY, check=True, capture_output=True, text=True
    ).stdout
    changed = [line for line in shown.splitlines() if re.match(r"[-+](?![-+])", line)]
    return "\n".join([name, *changed])


def _package(module: str) -> str:
    return "lumbung_stock.stores" if module in STORES else "lumbung_stock.domain"


def _mutmut() -> str:
    return str(Path(sys.executable).parent / "mutmut")


def _quoted(names: list[str]) -> str:
    return ", ".join(f'"{name}"' for name in names)


if __name__ == "__main__":
    sys.exit(main())
