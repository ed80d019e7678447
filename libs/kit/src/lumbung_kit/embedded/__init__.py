"""Embedded PostgreSQL and Valkey: real servers from ordinary wheels, run as children of our own."""

from lumbung_kit.embedded.postgres import PostgresServer
from lumbung_kit.embedded.process import EmbeddedServerError
from lumbung_kit.embedded.settings import EmbeddedSettings
from lumbung_kit.embedded.supervisor import ServerName, Supervisor
from lumbung_kit.embedded.valkey import ValkeyServer
from lumbung_kit.embedded.valkey_cluster import ClusterNode, ValkeyCluster

__all__ = [
    "ClusterNode",
    "EmbeddedServerError",
    "EmbeddedSettings",
    "PostgresServer",
    "ServerName",
    "Supervisor",
    "ValkeyCluster",
    "ValkeyServer",
]
