"""People in the warehouse: a picker with a terminal on a cart, and a packer at a table."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from itertools import count

import grpc

from lumbung.fulfillment.v1 import orders_pb2, packing_pb2, shipments_pb2, terminal_pb2, waves_pb2
from lumbung_dev.local.patience import patiently
from lumbung_dev.local.services import Services
from lumbung_dev.shop import warehouse
from lumbung_dev.shop.barcodes import data_matrix_scan
from lumbung_dev.shop.goods import good
from lumbung_kit.clients import failure_from

Scans = Callable[[], str]

_CLAIM_S_MAX = 10.0
"""A wave may have to be planned first."""


def scans_of(whom: str) -> Scans:
    """Request ids made at the moment of each scan."""
    numbers = count(1)
    return lambda: f"{whom}:{next(numbers):05d}"


@dataclass(slots=True)
class Picker:
    """One person with one cart. `refused` are the reasons of scans that the terminal did not take."""

    services: Services
    terminal: str
    person: str
    scan_id: Scans
    warehouse_code: str = warehouse.CODE
    session_id: str = ""
    refused: list[str] = field(default_factory=list)
    picked_lines: int = 0
    picked_units: int = 0

    async def sign_in(self) -> None:
        """Opens the terminal's session."""
        request = terminal_pb2.SignInRequest(
            request_id=self.scan_id(),
            terminal_code=self.terminal,
            warehouse_code=self.warehouse_code,
            picker_code=self.person,
        )
        self.session_id = (await patiently(self.services.terminal.SignIn, request)).session_id

    async def claim(self, wave_id: str = "") -> waves_pb2.Wave | None:
        """Takes a wave, the most urgent one unless another is named; None when none waits."""
        request = terminal_pb2.ClaimWaveRequest(
            request_id=self.scan_id(), session_id=self.session_id, cart_code=self.terminal, wave_id=wave_id
        )
        try:
            return (await patiently(self.services.terminal.ClaimWave, request, call_s=_CLAIM_S_MAX)).wave
        except grpc.aio.AioRpcError as error:
            if failure_from(error).reason == "NO_WAVE_WAITING":
                return None
            raise

    async def walk(self, wave: waves_pb2.Wave) -> None:
        """Picks whatever is open, in walking order, until the wave is done."""
        task = await self.next_task(wave.wave_id)
        while task is not None:
            task = await self.pick(task)

    async def pick(
        self, task: waves_pb2.PickTask, units: int = 0, *, replay: bool = False
    ) -> waves_pb2.PickTask | None:
        """Scans the bin and the item, as many as are missing unless told; returns the next task, None after the last.

        `replay` sends the scan once more, as a terminal does that has not heard the answer.
        """
        scan = self._scan(task, good(task.sku_code).barcode, units or task.quantity - task.picked_quantity)
        answer = await patiently(self.services.terminal.ConfirmPick, scan)
        if replay and await patiently(self.services.terminal.ConfirmPick, scan) != answer:
            raise RuntimeError(f"scan {scan.request_id} was answered differently when it came again")
        self.picked_lines += 1
        self.picked_units += answer.counted_quantity
        return None if answer.wave_done else answer.next_task

    async def scan_wrongly(self, task: waves_pb2.PickTask, wrong_sku_code: str) -> None:
        """Takes a neighbour's item; the terminal must refuse it."""
        request = self._scan(task, good(wrong_sku_code).barcode, 1)
        try:
            await patiently(self.services.terminal.ConfirmPick, request)
        except grpc.aio.AioRpcError as error:
            self.refused.append(failure_from(error).reason)

    async def find_empty(self, task: waves_pb2.PickTask) -> terminal_pb2.ReportShortPickResponse:
        """Stands before an empty bin and says so."""
        request = terminal_pb2.ReportShortPickRequest(
            request_id=self.scan_id(), session_id=self.session_id, task_id=task.task_id, note="rak kosong"
        )
        return await patiently(self.services.terminal.ReportShortPick, request)

    async def next_task(self, wave_id: str) -> waves_pb2.PickTask | None:
        """The first open task of the walk."""
        request = terminal_pb2.ListTasksRequest(session_id=self.session_id, wave_id=wave_id)
        tasks = (await patiently(self.services.terminal.ListTasks, request)).tasks
        return next((task for task in tasks if task.state == waves_pb2.PICK_STATE_OPEN), None)

    async def put_back(self, put_back: terminal_pb2.PutBack) -> terminal_pb2.PutBack:
        """Brings goods of a cancelled order back to the bin that is suggested."""
        request = terminal_pb2.ConfirmPutBackRequest(
            request_id=self.scan_id(),
            session_id=self.session_id,
            put_back_id=put_back.put_back_id,
            bin_barcode=put_back.suggested_bin_code,
            item_barcode=good(put_back.sku_code).barcode,
            quantity=put_back.quantity - put_back.returned_quantity,
        )
        return (await patiently(self.services.terminal.ConfirmPutBack, request)).put_back

    async def sign_out(self) -> None:
        """Ends the session."""
        request = terminal_pb2.SignOutRequest(request_id=self.scan_id(), session_id=self.session_id)
        await patiently(self.services.terminal.SignOut, request)

    def _scan(
        self, task: waves_pb2.PickTask, item_barcode: str, units: int
    ) -> terminal_pb2.ConfirmPickRequest:
        return terminal_pb2.ConfirmPickRequest(
            request_id=self.scan_id(),
            session_id=self.session_id,
            task_id=task.task_id,
            bin_barcode=task.bin_code,
            item_barcode=item_barcode,
            quantity=units,
        )


@dataclass(frozen=True, slots=True)
class Packer:
    """One person at one table."""

    services: Services
    station: str
    scan_id: Scans

    async def pack(self, order: orders_pb2.Order) -> packing_pb2.Package:
        """Checks every item into a parcel, by the GS1 code that counts it, and closes it."""
        begin = packing_pb2.StartPackageRequest(
            request_id=self.scan_id(), order_id=order.order_id, station_code=self.station
        )
        package = (await patiently(self.services.packing.StartPackage, begin)).package
        for item in package.items:
            check = packing_pb2.CheckItemRequest(
                request_id=self.scan_id(),
                package_id=package.package_id,
                item_barcode=data_matrix_scan(good(item.sku_code).barcode, "L2611-A/7", item.quantity),
            )
            await patiently(self.services.packing.CheckItem, check)
        close = packing_pb2.ClosePackageRequest(
            request_id=self.scan_id(), package_id=package.package_id, weight_g=_weight_g(package)
        )
        return (await patiently(self.services.packing.ClosePackage, close)).package

    async def ship(self, order: orders_pb2.Order) -> shipments_pb2.Shipment:
        """Books the parcel out of stock; it stands ready for its courier."""
        request = shipments_pb2.ShipRequest(
            request_id=self.scan_id(),
            order_id=order.order_id,
            tracking_number=f"{order.courier_service}-{order.order_reference}"[:64].upper(),
        )
        return (await patiently(self.services.shipments.Ship, request)).shipment


def _weight_g(package: packing_pb2.Package) -> int:
    return sum(good(item.sku_code).product.weight_g * item.quantity for item in package.items)
