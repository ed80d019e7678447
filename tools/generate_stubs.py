"""Generate Python stubs beside the .proto files with the locked protoc, mypy-protobuf and grpc plugins."""

import sys
from importlib.resources import files
from pathlib import Path

from grpc_tools import protoc

ROOT = Path(__file__).resolve().parent.parent
PROTO = ROOT / "proto"


def main() -> int:
    for stale in PROTO.rglob("*_pb2*"):
        stale.unlink()
    protos = sorted(str(path.relative_to(PROTO)) for path in PROTO.rglob("*.proto"))
    plugins = Path(sys.executable).parent
    arguments = [
        "protoc",
        f"--plugin=protoc-gen-mypy={plugins / 'protoc-gen-mypy'}",
        f"--plugin=protoc-gen-mypy_grpc={plugins / 'protoc-gen-mypy_grpc'}",
        f"-I{PROTO}",
        f"-I{files('grpc_tools') / '_proto'}",
        *(f"--{kind}_out={PROTO}" for kind in ("python", "grpc_python", "mypy", "mypy_grpc")),
        *protos,
    ]
    return int(protoc.main(arguments)) if protos else 0


if __name__ == "__main__":
    sys.exit(main())
