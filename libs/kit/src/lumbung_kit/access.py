"""Who may call what: roles, and the rpcs that the contract opens to each.

A caller is `kind:name` (`staff:ani`); its kind is its role. The contract says by an option of the method, or of its
service, which roles an rpc is open to (lumbung/access/v1/access.proto); what says nothing is open to nobody.
"""

from __future__ import annotations

from collections.abc import Mapping
from functools import cache
from typing import Any, Final, TypeAlias

from google.protobuf import descriptor_pool
from google.protobuf.descriptor import FieldDescriptor, MethodDescriptor

from lumbung_kit.failures import CallerMissing, WrongRole

Roles: TypeAlias = frozenset[str]

ANYBODY: Final[Roles] = frozenset({"*"})
"""Also who says nothing about themselves. For what is in no contract."""
NOBODY: Final[Roles] = frozenset()

_OF_METHOD: Final = "lumbung.access.v1.callers"
_OF_SERVICE: Final = "lumbung.access.v1.service_callers"


def role_of(caller: str) -> str:
    """`staff` of `staff:ani`."""
    return caller.partition(":")[0]


@cache
def callers_of(service_name: str) -> Mapping[str, Roles]:
    """Whom each method of a service is open to, by the method's name. Nothing when no such service was imported."""
    pool = descriptor_pool.Default()
    try:
        service = pool.FindServiceByName(service_name)
        of_method, of_service = map(pool.FindExtensionByName, (_OF_METHOD, _OF_SERVICE))
    except KeyError:
        return {}
    return {method.name: _roles_of(method, of_method, of_service) for method in service.methods}


def require_role(allowed: Roles, caller: str, rpc_method: str) -> None:
    """Raises CallerMissing when nobody said who calls, WrongRole when the rpc is not for them."""
    role = role_of(caller)
    if role in allowed or allowed is ANYBODY:
        return
    metadata = {"rpc_method": rpc_method, "allowed_roles": ",".join(sorted(allowed))}
    if ":" not in caller:
        raise CallerMissing(metadata=metadata)
    raise WrongRole(metadata={**metadata, "role": role})


def _roles_of(method: MethodDescriptor, of_method: FieldDescriptor, of_service: FieldDescriptor) -> Roles:
    said: Any = method.GetOptions()
    if said.HasExtension(of_method):
        return _named(said.Extensions[of_method], of_method)
    said = method.containing_service.GetOptions()
    return _named(said.Extensions[of_service], of_service)


def _named(callers: Any, option: Any) -> Roles:
    """`staff` for ROLE_STAFF."""
    names = option.message_type.fields_by_name["roles"].enum_type.values_by_number
    numbers = filter(None, names) if callers.any_role else callers.roles
    return frozenset(names[number].name.removeprefix("ROLE_").lower() for number in numbers)
