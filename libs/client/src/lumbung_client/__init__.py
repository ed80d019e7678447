"""Python client of Lumbung's stock service. Start with `LumbungClient`."""

from lumbung_client.channel import service_config
from lumbung_client.client import LumbungClient
from lumbung_client.errors import (
    AlreadyResolved,
    Conflict,
    CustomerLimitReached,
    DeadlineExceeded,
    Details,
    FlashSaleNotOpen,
    HoldExpired,
    HoldLost,
    InvalidRequest,
    InWaitingRoom,
    LumbungError,
    NotAllowed,
    NotFound,
    NotServed,
    OutOfStock,
    Overloaded,
    Refused,
    Unavailable,
)
from lumbung_client.messages import reserve_request
from lumbung_client.options import Options
from lumbung_client.request_ids import new_request_id
from lumbung_client.reserve_session import ReserveSession

__all__ = [
    "AlreadyResolved",
    "Conflict",
    "CustomerLimitReached",
    "DeadlineExceeded",
    "Details",
    "FlashSaleNotOpen",
    "HoldExpired",
    "HoldLost",
    "InWaitingRoom",
    "InvalidRequest",
    "LumbungClient",
    "LumbungError",
    "NotAllowed",
    "NotFound",
    "NotServed",
    "Options",
    "OutOfStock",
    "Overloaded",
    "Refused",
    "ReserveSession",
    "Unavailable",
    "new_request_id",
    "reserve_request",
    "service_config",
]
