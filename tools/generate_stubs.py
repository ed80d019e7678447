"""Generate Python stubs beside the .proto files with the locked protoc, mypy-protobuf and grpc plugins.

They are made in a scratch folder first and then put in place one by one, so that whoever imports them
meanwhile finds the old stub or the new one, never none.
"""

import subprocess
import sys
import tempfile
from importlib.resources import files
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
PROTO = ROOT / "proto"


def main() -> int:
    protos = sorted(str(path.relative_to(PROTO)) for path in PROTO.rglob("*.proto"))
    with tempfile.TemporaryDirectory(dir=PROTO, prefix=".stubs-") as scratch:
        if code := protoc(protos, Path(scratch)):
            return code
        put_in_place(Path(scratch))
    return 0


def protoc(protos: list[str], out: Path) -> int:
    plugins = Path(sys.executable).parent
    command = [
        sys.executable,
        "-m",
        "grpc_tools.protoc",
        f"--plugin=protoc-gen-mypy={plugins / 'protoc-gen-mypy'}",
        f"--plugin=protoc-gen-mypy_grpc={plugins / 'protoc-gen-mypy_grpc'}",
        f"-I{PROTO}",
        f"-I{files('grpc_tools') / '_proto'}",
        *(f"--{kind}_out={out}" for kind in ("python", "grpc_python")),
        f"--mypy_out=quiet:{out}",
        # Concrete: an rpc that is not served yet is simply not overridden, and answers UNIMPLEMENTED.
        f"--mypy_grpc_out=quiet,generate_concrete_servicer_stubs:{out}",
        *protos,
    ]
    return subprocess.run(command).returncode


def put_in_place(scratch: Path) -> None:
    made = {path.relative_to(scratch) for path in scratch.rglob("*_pb2*")}
    for name in made:
        (scratch / name).replace(PROTO / name)
    for stale in PROTO.rglob("*_pb2*"):
        if stale.relative_to(PROTO) not in made and scratch not in stale.parents:
            stale.unlink()


if __name__ == "__main__":
    sys.exit(main())
