"""A Valkey Cluster on loopback: three primaries, each with a replica, as our children.

Formed by the commands that `valkey-cli --cluster create` would send. Every node is as durable as the single server.
"""

from __future__ import annotations

import contextlib
import secrets
import time
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import Any

import redis
from redis.backoff import NoBackoff
from redis.retry import Retry

from lumbung_kit.embedded.account import Account
from lumbung_kit.embedded.ports import free_port
from lumbung_kit.embedded.process import EmbeddedServerError
from lumbung_kit.embedded.valkey import AppendFsync, ValkeyServer

SLOTS = 16_384
PRIMARIES = 3
NODE_TIMEOUT_MS = 1_000
"""How long a node may be silent before the others take it for dead."""
_POLL_S = 0.05


class ClusterNode(ValkeyServer):
    """One node. `start` brings it back into its place in the cluster."""

    def __init__(
        self, folder: Path, account: Account, program: Path, append_fsync: AppendFsync, password: str
    ) -> None:
        account.write_private_file(folder / f"{self.name}.password", password)
        super().__init__(folder, account, program, append_fsync)
        self._bus_port = free_port()

    @property
    def port(self) -> int:
        """Where clients connect."""
        return self._port

    @property
    def bus_port(self) -> int:
        """Where the other nodes connect."""
        return self._bus_port

    @property
    def data(self) -> Path:
        """The folder with the append-only files."""
        return self._data

    def ask(self, *command: str | int) -> Any:
        """One command, to this node alone. Raises redis.RedisError."""
        with contextlib.closing(
            redis.Redis.from_url(
                self.url, socket_timeout=5, decode_responses=True, retry=Retry(NoBackoff(), 0)
            )
        ) as client:
            return client.execute_command(*command)  # type: ignore[no-untyped-call]

    def _settings(self) -> dict[str, str]:
        return super()._settings() | {
            "cluster-enabled": "yes",
            "cluster-port": str(self._bus_port),
            "cluster-announce-ip": "127.0.0.1",
            "cluster-config-file": "nodes.conf",
            "cluster-node-timeout": str(NODE_TIMEOUT_MS),
            "cluster-require-full-coverage": "no",  # a shard that is away costs only the sales on it
            "cluster-allow-replica-migration": "no",
            "masterauth": self._password,
            "repl-diskless-sync-delay": "0",
        }


class ValkeyCluster:
    """Three primaries and three replicas. Its calls block; use it from one thread, which lives as long as it does.

    `nodes` are the primaries and then their replicas, as formed; a failover changes the roles, `primaries` says who has
    them now.
    """

    name = "valkey cluster"

    def __init__(self, folder: Path, account: Account, program: Path, append_fsync: AppendFsync) -> None:
        password = secrets.token_urlsafe(24)
        self.nodes: list[ClusterNode] = []
        for number in range(2 * PRIMARIES):
            place = folder / f"node-{number}"
            account.make_private_folder(place)
            self.nodes.append(ClusterNode(place, account, program, append_fsync, password))

    @property
    def url(self) -> str:
        """Where clients connect: all nodes, as `lumbung_kit.valkey.connect` takes them."""
        password = self.nodes[0].url.partition("@")[0]
        hosts = ",".join(f"127.0.0.1:{node.port}" for node in self.nodes)
        return f"{password}@{hosts}/0?cluster=true"

    def start(self, *, timeout_s: float = 60) -> None:
        """Starts the nodes that are down, and returns when the cluster serves every slot with a replica each.

        Raises EmbeddedServerError.
        """
        for node in self.nodes:
            node.start(timeout_s=timeout_s)
        if int(_info(self.nodes[0], "CLUSTER INFO")["cluster_slots_assigned"]) == 0:
            self._form(timeout_s)
        self.until_whole(timeout_s=timeout_s)

    def stop(self, *, timeout_s: float = 30) -> None:
        """Stops every node in order."""
        for node in self.nodes:
            node.stop(timeout_s=timeout_s)

    def primaries(self) -> list[ClusterNode]:
        """The nodes that serve slots now, as most of the living nodes see it."""
        ports = {port for _, port in self._owners()}
        return [node for node in self.nodes if node.port in ports]

    def primary_of(self, slot: int) -> ClusterNode:
        """The node that serves a slot now."""
        port = next(port for slots, port in self._owners() if slot in slots)
        return next(node for node in self.nodes if node.port == port)

    def replica_of(self, primary: ClusterNode) -> ClusterNode:
        """A node that follows this one."""
        wanted = str(primary.port)
        return next(
            node
            for node in self.nodes
            if node.running and _info(node, "INFO", "replication").get("master_port") == wanted
        )

    def until_whole(self, *, timeout_s: float = 60) -> None:
        """Returns when every slot is served and every replica has caught up with its primary."""
        self._until(
            lambda: all(_is_whole(node) for node in self.nodes),
            "every slot has a primary and a replica",
            timeout_s,
        )

    def _form(self, timeout_s: float) -> None:
        primaries, replicas = self.nodes[:PRIMARIES], self.nodes[PRIMARIES:]
        for number, (node, slots) in enumerate(zip(primaries, _shares(), strict=True)):
            node.ask("CLUSTER", "ADDSLOTSRANGE", slots.start, slots.stop - 1)
            node.ask("CLUSTER", "SET-CONFIG-EPOCH", number + 1)
        for node in self.nodes[1:]:
            self.nodes[0].ask("CLUSTER", "MEET", "127.0.0.1", node.port, node.bus_port)
        self._until(lambda: all(map(_knows_all, self.nodes)), "every node knows every other", timeout_s)
        for primary, replica in zip(primaries, replicas, strict=True):
            replica.ask("CLUSTER", "REPLICATE", primary.ask("CLUSTER", "MYID"))

    def _owners(self) -> list[tuple[range, int]]:
        """(slots, port of their primary), by the living node that has seen the newest failover."""
        answering = {node: epoch for node in self.nodes if (epoch := _epoch_seen_by(node)) is not None}
        newest = max(answering, key=lambda node: answering[node])
        rows = newest.ask("CLUSTER", "SLOTS")
        return [(range(start, end + 1), primary[1]) for start, end, primary, *_ in rows]

    def _until(self, condition: Callable[[], bool], what: str, timeout_s: float) -> None:
        deadline = time.monotonic() + timeout_s
        while not condition():
            if time.monotonic() > deadline:
                raise EmbeddedServerError(f"{self.name}: waited {timeout_s:g} s in vain for this: {what}")
            time.sleep(_POLL_S)


def _shares() -> Iterator[range]:
    for number in range(PRIMARIES):
        yield range(number * SLOTS // PRIMARIES, (number + 1) * SLOTS // PRIMARIES)


def _info(node: ClusterNode, *command: str) -> dict[str, str]:
    told = node.ask(*command)
    if isinstance(told, dict):
        return {str(name): str(value) for name, value in told.items()}
    rows: Sequence[str] = str(told).splitlines()
    return dict(row.partition(":")[::2] for row in rows if ":" in row)


def _epoch_seen_by(node: ClusterNode) -> int | None:
    """The newest failover that a node knows of; None when it cannot be asked."""
    if not node.running or node.paused:
        return None
    try:
        return int(_info(node, "CLUSTER INFO")["cluster_current_epoch"])
    except redis.RedisError:
        return None


def _knows_all(node: ClusterNode) -> bool:
    return int(_info(node, "CLUSTER INFO")["cluster_known_nodes"]) == 2 * PRIMARIES


def _is_whole(node: ClusterNode) -> bool:
    try:
        cluster, replication = _info(node, "CLUSTER INFO"), _info(node, "INFO", "replication")
        rows = node.ask("CLUSTER", "SLOTS")
    except redis.RedisError:  # it has just begun to follow somebody, and reads what it was sent
        return False
    # A node tells clients of a replica only when it has heard how far that has come.
    told_of = {port for _, _, *nodes in rows for _, port, *_ in nodes}
    served = cluster["cluster_state"] == "ok" and int(cluster["cluster_slots_ok"]) == SLOTS
    served = served and len(told_of) == 2 * PRIMARIES
    if replication["role"] == "slave":
        return served and replication["master_link_status"] == "up"
    return served and replication["connected_slaves"] != "0"
