"""PackService over gRPC: every item of a parcel is checked by barcode."""

from __future__ import annotations

from typing import Any
from uuid import UUID

import grpc

from lumbung.fulfillment.v1 import packing_pb2 as pb
from lumbung.fulfillment.v1 import packing_pb2_grpc as rpc
from lumbung_fulfillment.domain.packing import PackageState
from lumbung_fulfillment.domain.weights import SkuSize
from lumbung_fulfillment.entrypoints import checks
from lumbung_fulfillment.entrypoints.desk import Desk
from lumbung_fulfillment.entrypoints.messages import label_message, package_message
from lumbung_fulfillment.entrypoints.scanning import Scanner
from lumbung_fulfillment.stores import orders, packages
from lumbung_fulfillment.usecases.check_item import check_item
from lumbung_fulfillment.usecases.close_package import Weighing, close_package
from lumbung_fulfillment.usecases.get_label import get_label
from lumbung_fulfillment.usecases.start_package import start_package
from lumbung_kit.postgres import Conn
from lumbung_kit.validate import Check

WEIGHT_G_MAX, PACKAGING_G_MAX = 100_000, 20_000
REASON_LENGTH_MAX = 200

Context = grpc.aio.ServicerContext[Any, Any]


class PackServicer(rpc.PackServiceServicer):
    """Translates, and leaves the deciding to the use cases."""

    def __init__(self, desk: Desk, scanner: Scanner) -> None:
        self._desk = desk
        self._scanner = scanner

    async def StartPackage(
        self, request: pb.StartPackageRequest, context: Context
    ) -> pb.StartPackageResponse:
        """Begins a parcel."""
        check = Check()
        check.request_id(request.request_id)
        order_id = check.uuid("order_id", request.order_id)
        station_code = check.code("station_code", request.station_code)
        check.done()

        async def work(conn: Conn) -> pb.StartPackageResponse:
            package = await start_package(conn, order_id, station_code)
            return pb.StartPackageResponse(package=package_message(package))

        return await self._desk.once("StartPackage", request, pb.StartPackageResponse, work)

    async def CheckItem(self, request: pb.CheckItemRequest, context: Context) -> pb.CheckItemResponse:
        """Checks an item into a parcel."""
        check = Check()
        check.request_id(request.request_id)
        package_id = check.uuid("package_id", request.package_id)
        item_barcode = checks.item_barcode(check, request.item_barcode)
        scans = checks.scans(check, request.quantity)
        check.done()
        async with self._desk.reading() as conn:
            package = await packages.get(conn, package_id)
            order = await orders.get(conn, package.order_id)
        async with self._scanner.scanned("CheckItem", request, order.warehouse_code, order.order_id):
            item = await self._scanner.resolve(item_barcode)

            async def work(conn: Conn) -> pb.CheckItemResponse:
                checked = await check_item(conn, package_id, item, scans)
                return pb.CheckItemResponse(
                    package=package_message(checked.package),
                    counted_quantity=checked.units,
                    complete=checked.package.is_complete,
                )

            return await self._desk.once("CheckItem", request, pb.CheckItemResponse, work)

    async def ClosePackage(
        self, request: pb.ClosePackageRequest, context: Context
    ) -> pb.ClosePackageResponse:
        """Closes a complete parcel."""
        check = Check()
        check.request_id(request.request_id)
        package_id = check.uuid("package_id", request.package_id)
        weight_g = check.whole("weight_g", request.weight_g, minimum=0, maximum=WEIGHT_G_MAX)
        packaging_g = check.whole(
            "packaging_weight_g", request.packaging_weight_g, minimum=0, maximum=PACKAGING_G_MAX
        )
        override_reason = check.text(
            "weight_override_reason",
            request.weight_override_reason,
            max_length=REASON_LENGTH_MAX,
            required=False,
        )
        if override_reason and not weight_g:
            check.add("weight_override_reason", "must be empty for a parcel that was not weighed")
        check.done()
        sizes = await self._sizes(package_id) if weight_g else {}
        weighing = Weighing(weight_g, packaging_g, override_reason, sizes)

        async def work(conn: Conn) -> pb.ClosePackageResponse:
            package = await close_package(conn, package_id, weighing)
            return pb.ClosePackageResponse(package=package_message(package))

        return await self._desk.once("ClosePackage", request, pb.ClosePackageResponse, work)

    async def GetPackage(self, request: pb.GetPackageRequest, context: Context) -> pb.GetPackageResponse:
        """One parcel."""
        check = Check()
        package_id = check.uuid("package_id", request.package_id)
        check.done()
        async with self._desk.reading() as conn:
            return pb.GetPackageResponse(package=package_message(await packages.get(conn, package_id)))

    async def GetLabel(self, request: pb.GetLabelRequest, context: Context) -> pb.GetLabelResponse:
        """What to print on a closed parcel."""
        check = Check()
        package_id = check.uuid("package_id", request.package_id)
        check.done()
        async with self._desk.reading() as conn:
            return pb.GetLabelResponse(label=label_message(await get_label(conn, package_id)))

    async def _sizes(self, package_id: UUID) -> dict[str, SkuSize]:
        """What the contents of an open parcel weigh; of one that is closed nobody asks any more."""
        async with self._desk.reading() as conn:
            package = await packages.get(conn, package_id)
        if package.state is not PackageState.OPEN:
            return {}
        return await self._scanner.sizes([item.sku_code for item in package.items])
