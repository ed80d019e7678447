"""WarehouseService: warehouses, their walking layout, and bins."""

from __future__ import annotations

import grpc

from lumbung.stock.v1 import inventory_pb2 as pb
from lumbung.stock.v1 import inventory_pb2_grpc as rpc
from lumbung_kit.idempotency import once
from lumbung_kit.postgres import Conn, Postgres
from lumbung_kit.validate import Check
from lumbung_stock.entrypoints.inventory_messages import bins_of, warehouse_code_of, warehouse_of
from lumbung_stock.entrypoints.page_tokens import key_of, page_token
from lumbung_stock.stores.warehouses import WarehouseBook, find_warehouse, list_warehouses
from lumbung_stock.usecases.create_warehouse import create_warehouse
from lumbung_stock.usecases.list_bins import list_bins
from lumbung_stock.usecases.put_bins import put_bins
from lumbung_stock.wire.inventory import bin_message, warehouse_message

WAREHOUSES_PAGE, WAREHOUSES_PAGE_MAX = 50, 200
BINS_PAGE, BINS_PAGE_MAX = 500, 2_000
BEFORE_ALL = -1


class WarehouseService(rpc.WarehouseServiceServicer):
    """Translates, and leaves the deciding to the use cases."""

    def __init__(self, postgres: Postgres, warehouses: WarehouseBook) -> None:
        self._postgres = postgres
        self._warehouses = warehouses

    async def CreateWarehouse(
        self,
        request: pb.CreateWarehouseRequest,
        context: grpc.aio.ServicerContext[pb.CreateWarehouseRequest, pb.CreateWarehouseResponse],
    ) -> pb.CreateWarehouseResponse:
        """Makes a warehouse."""
        check = Check()
        check.request_id(request.request_id)
        warehouse = warehouse_of(check, request.warehouse)
        check.done()

        async def work(conn: Conn) -> pb.CreateWarehouseResponse:
            await create_warehouse(conn, warehouse)
            return pb.CreateWarehouseResponse(warehouse=warehouse_message(warehouse))

        response = await once(self._postgres, "CreateWarehouse", request, pb.CreateWarehouseResponse, work)
        self._warehouses.forget()
        return response

    async def GetWarehouse(
        self,
        request: pb.GetWarehouseRequest,
        context: grpc.aio.ServicerContext[pb.GetWarehouseRequest, pb.GetWarehouseResponse],
    ) -> pb.GetWarehouseResponse:
        """Reads a warehouse."""
        check = Check()
        code = warehouse_code_of(check, request.warehouse_code)
        check.done()
        async with self._postgres.connection() as conn:
            return pb.GetWarehouseResponse(warehouse=warehouse_message(await find_warehouse(conn, code)))

    async def ListWarehouses(
        self,
        request: pb.ListWarehousesRequest,
        context: grpc.aio.ServicerContext[pb.ListWarehousesRequest, pb.ListWarehousesResponse],
    ) -> pb.ListWarehousesResponse:
        """Lists warehouses by priority."""
        check = Check()
        size = check.page_size(request.page_size, default=WAREHOUSES_PAGE, maximum=WAREHOUSES_PAGE_MAX)
        after = key_of(check, request.page_token, ["warehouses"], first=(BEFORE_ALL, ""))
        check.done()
        async with self._postgres.connection() as conn:
            found = await list_warehouses(conn, (after[0], after[1]), size + 1)
        response = pb.ListWarehousesResponse(warehouses=map(warehouse_message, found[:size]))
        if len(found) > size:
            last = found[size - 1]
            response.next_page_token = page_token(["warehouses"], [last.priority, last.warehouse_code])
        return response

    async def PutBins(
        self,
        request: pb.PutBinsRequest,
        context: grpc.aio.ServicerContext[pb.PutBinsRequest, pb.PutBinsResponse],
    ) -> pb.PutBinsResponse:
        """Makes bins, or changes the kind and position of bins that exist."""
        check = Check()
        check.request_id(request.request_id)
        code = warehouse_code_of(check, request.warehouse_code)
        bins = bins_of(check, request.bins)
        check.done()

        async def work(conn: Conn) -> pb.PutBinsResponse:
            created, changed = await put_bins(conn, code, bins)
            return pb.PutBinsResponse(created_count=created, changed_count=changed)

        return await once(self._postgres, "PutBins", request, pb.PutBinsResponse, work)

    async def ListBins(
        self,
        request: pb.ListBinsRequest,
        context: grpc.aio.ServicerContext[pb.ListBinsRequest, pb.ListBinsResponse],
    ) -> pb.ListBinsResponse:
        """Lists bins by code."""
        check = Check()
        code = warehouse_code_of(check, request.warehouse_code)
        size = check.page_size(request.page_size, default=BINS_PAGE, maximum=BINS_PAGE_MAX)
        filters = ["bins", code]
        (after,) = key_of(check, request.page_token, filters, first=("",))
        check.done()
        async with self._postgres.connection() as conn:
            found = await list_bins(conn, code, after_code=after, limit=size + 1)
        response = pb.ListBinsResponse(bins=map(bin_message, found[:size]))
        if len(found) > size:
            response.next_page_token = page_token(filters, [found[size - 1].bin_code])
        return response
