"""Every rpc of the contract says who may call it."""

from __future__ import annotations

import importlib
from pathlib import Path

import pytest
from google.protobuf import descriptor_pool

from lumbung.access.v1 import access_pb2
from lumbung_kit.access import callers_of, role_of
from lumbung_kit.testing import CAST

PROTO = Path(__file__).parents[2] / "proto"
ROLES = {name.removeprefix("ROLE_").lower() for name, number in access_pb2.Role.items() if number}
READS = ("Get", "List", "Search", "Find", "BatchGet", "Watch", "Subscribe", "Explain", "Resolve", "BatchResolve",
         "Report", "Verify", "Check", "Suggest", "Render", "Review", "Promise", "Export")  # fmt: skip


def methods() -> dict[str, frozenset[str]]:
    found: dict[str, frozenset[str]] = {}
    for path in sorted(PROTO.rglob("*.proto")):
        name = str(path.relative_to(PROTO))
        importlib.import_module(name.removesuffix(".proto").replace("/", ".") + "_pb2")
        for service in descriptor_pool.Default().FindFileByName(name).services_by_name.values():
            callers = callers_of(service.full_name)
            assert callers.keys() == {method.name for method in service.methods}
            found |= {f"{service.full_name}.{method}": roles for method, roles in callers.items()}
    return found


def test_every_method_is_open_to_somebody_and_few_to_everybody() -> None:
    found = methods()
    assert len(found) > 100
    assert not [name for name, roles in found.items() if not roles or not roles <= ROLES]
    open_to_all = [name.rpartition(".")[2] for name, roles in found.items() if roles == ROLES]
    assert not [name for name in open_to_all if not name.startswith(READS)], "everybody may change this"


@pytest.mark.parametrize("role", ["storefront", "channel", "terminal", "operator"])
def test_goods_sales_and_channels_are_changed_by_staff(role: str) -> None:
    office = (
        "CreateSku",
        "SetRecipe",
        "PlanFlashSale",
        "AdjustStock",
        "CreateChannel",
        "SetListing",
        "CreateWarehouse",
    )
    assert not [
        name for name, roles in methods().items() if name.rpartition(".")[2] in office and role in roles
    ]


def test_those_who_play_in_tests_have_roles() -> None:
    assert {role_of(actor) for actor in CAST} | {"channel"} == ROLES
