"""What must be true in the evening: what people wrote down, held against what the services say."""

from __future__ import annotations

import asyncio
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

from google.protobuf.timestamp_pb2 import Timestamp

from lumbung.fulfillment.v1 import bookings_pb2, measures_pb2, orders_pb2, shipments_pb2
from lumbung.stock.v1 import inventory_pb2, reservations_pb2
from lumbung_dev.day.floor import Shelves
from lumbung_dev.day.house import Tally
from lumbung_dev.day.lumbung import Lumbung
from lumbung_dev.day.script import HOUR, Script
from lumbung_dev.day.service_clock import instant
from lumbung_dev.demo.act3_waves import list_orders
from lumbung_dev.demo.promises import Finding, finding_of, ledger_is_true
from lumbung_dev.local.patience import pages, patiently
from lumbung_dev.local.services import Services
from lumbung_dev.shop import warehouse

PACKING = "PACKING"
Place = tuple[str, str]
"""A bin, or PACKING, and a SKU."""
_AT_ONCE = 32
_SHIPPED = reservations_pb2.RESERVATION_STATE_SHIPPED
_CANCELLED = reservations_pb2.RESERVATION_STATE_CANCELLED
_CONFIRMED = reservations_pb2.RESERVATION_STATE_CONFIRMED
_SEEN_BY_PEOPLE = (
    orders_pb2.ORDER_STATE_SHORT,
    orders_pb2.ORDER_STATE_HELD,
    orders_pb2.ORDER_STATE_QUEUED,
)
"""Where an order that goes nowhere stands for people to see: on the list of short, held or waiting orders."""


@dataclass(frozen=True, slots=True)
class Evening:
    """What was found."""

    findings: tuple[Finding, ...]
    reported: int
    """Orders that are neither shipped nor cancelled, and stand on a list."""

    @property
    def kept(self) -> bool:
        return all(finding.kept for finding in self.findings)


async def look(script: Script, house: Lumbung, shelves: Shelves, deaths: Sequence[str]) -> Evening:
    """Everything, read anew."""
    staff, tally = house.callers.staff, house.tally
    reservations = await _reservations(staff, house.reservations)
    orders = {order.order_reference: order for order in await list_orders(staff)}
    reported = {
        reference
        for reference in tally.sold - tally.cancelled - tally.packed_s.keys()
        if reference in orders and orders[reference].state in _SEEN_BY_PEOPLE
    }
    audit = staff.audit
    ledger = await patiently(audit.VerifyLedger, inventory_pb2.VerifyLedgerRequest(), call_s=30.0)
    books = await patiently(audit.CheckPromises, inventory_pb2.CheckPromisesRequest(), call_s=30.0)
    findings = (
        _everybody_was_served(script, tally),
        _every_order_ended(tally, reservations, reported),
        _nothing_was_sent_twice(tally, await _shipments(staff)),
        ledger_is_true(ledger),
        _books_are_even(books),
        _bins_hold_what_they_should(
            await _booked(staff), _there(shelves, script.missing, _in_totes(tally, orders, reported)), shelves
        ),
        await _scans_counted_once(staff, tally),
        await _every_step_is_booked(staff),
        finding_of("no process ended unasked", deaths, ""),
    )
    return Evening(findings, len(reported))


def _everybody_was_served(script: Script, tally: Tally) -> Finding:
    lost = {order.reference for order in script.orders} - tally.sold - tally.refused.keys()
    on_sale = sum(order.on_sale and order.reference in tally.sold for order in script.orders)
    wrong = [f"{reference} has no answer" for reference in sorted(lost)]
    if on_sale > script.quota:
        wrong.append(f"{on_sale} of {script.quota} sold on sale")
    detail = f"{len(tally.sold)} sold, {len(tally.refused)} refused; {on_sale} of {script.quota} on sale"
    return finding_of("every buyer has an answer, and the sale its quota", wrong, detail)


def _every_order_ended(
    tally: Tally, reservations: Mapping[str, reservations_pb2.Reservation], reported: set[str]
) -> Finding:
    wrong = []
    for reference in sorted(tally.sold):
        if reference in tally.packed_s:
            expected = _SHIPPED
        elif reference in tally.cancelled:
            expected = _CANCELLED
        elif reference in reported:
            expected = _CONFIRMED
        else:
            wrong.append(f"{reference} stands nowhere")
            continue
        if reservations[reference].state != expected:
            state = reservations_pb2.ReservationState.Name(reservations[reference].state)
            wrong.append(f"{reference} should be {expected}, and stock says {state}")
    cancelled = len(tally.cancelled - tally.packed_s.keys())
    detail = f"{len(tally.packed_s)} shipped, {cancelled} cancelled, {len(reported)} reported"
    return finding_of("every order is shipped, cancelled or reported", wrong, detail)


def _nothing_was_sent_twice(tally: Tally, shipments: Sequence[shipments_pb2.Shipment]) -> Finding:
    sent = Counter(
        shipment.order_reference
        for shipment in shipments
        if shipment.state != shipments_pb2.SHIPMENT_STATE_VOID
    )
    wrong = [f"{reference} was sent {count} times" for reference, count in sent.items() if count > 1]
    wrong += [f"{reference} was sent unasked" for reference in sent.keys() - tally.packed_s.keys()]
    wrong += [f"{reference} was packed and not sent" for reference in tally.packed_s.keys() - sent.keys()]
    return finding_of("every parcel is sent once", wrong, f"{len(sent)} parcels")


def _books_are_even(found: inventory_pb2.CheckPromisesResponse) -> Finding:
    numbers = {
        "oversold": found.oversold_units,
        "conservation gap": found.conservation_gap_units,
        "leaked holds": found.leaked_holds,
    }
    wrong = [f"{name} {number}" for name, number in numbers.items() if number]
    return finding_of("ledger and levels agree", wrong, f"{found.shortfall_units} units of shortfall")


async def _booked(staff: Services) -> dict[Place, int]:
    """Units by place and SKU, as stock has them."""
    request = inventory_pb2.ListBinStockRequest(warehouse_code=warehouse.CODE, page_size=2_000)
    return {
        (stock.bin_code, stock.sku_code): stock.quantity
        async for page in pages(staff.inventory.ListBinStock, request)
        for stock in page.bin_stock
    }


def _in_totes(tally: Tally, orders: Mapping[str, orders_pb2.Order], reported: Iterable[str]) -> Counter[str]:
    """What was picked for orders that wait for the rest."""
    waiting = Counter[str]()
    for reference in reported:
        waiting.update(tally.totes.get(orders[reference].order_id, {}))
    return waiting


def _there(shelves: Shelves, missing: Mapping[Place, int], in_totes: Mapping[str, int]) -> dict[Place, int]:
    """What hands would find, and what nobody has missed yet."""
    there = {place: units + missing.get(place, 0) for place, units in shelves.units.items()}
    return there | {(PACKING, sku_code): units for sku_code, units in in_totes.items()}


def _bins_hold_what_they_should(
    booked: Mapping[Place, int], there: Mapping[Place, int], shelves: Shelves
) -> Finding:
    """Where somebody found less than they were sent for, the book waits for a count."""
    places = {*booked, *there} - shelves.found_short
    wrong = [
        f"{' '.join(place)}: {there.get(place, 0)} there, {booked.get(place, 0)} in the book"
        for place in sorted(places)
        if booked.get(place, 0) != there.get(place, 0)
    ]
    detail = f"{len(places)} places; {len(shelves.found_short)} others were found short"
    return finding_of("what lies in the bins is what the book says", wrong, detail)


async def _scans_counted_once(staff: Services, tally: Tally) -> Finding:
    request = measures_pb2.GetMeasuresRequest(
        warehouse_code=warehouse.CODE, start_time=_timestamp(0), end_time=_timestamp(31 * HOUR)
    )
    found = (await patiently(staff.measures.GetMeasures, request)).measures
    pairs = {
        "pick scans": (tally.lines, found.pick_scans),
        "wrong scans": (tally.wrong_scans, found.wrong_scans),
        "short picks": (tally.short_picks, found.short_picks),
    }
    wrong = [
        f"{ours} {name} made, {theirs} counted" for name, (ours, theirs) in pairs.items() if ours != theirs
    ]
    return finding_of("every scan counts once", wrong, f"{tally.lines} scans, {tally.replays} sent twice")


async def _every_step_is_booked(staff: Services) -> Finding:
    request = bookings_pb2.ListBookingsRequest(page_size=50)
    left = (await patiently(staff.bookings.ListBookings, request)).bookings
    wrong = [f"{booking.booking_id}: {booking.state}" for booking in left]
    return finding_of("every step on the floor is in the ledger", wrong, "")


async def _reservations(staff: Services, known: Mapping[str, str]) -> dict[str, reservations_pb2.Reservation]:
    gate = asyncio.Semaphore(_AT_ONCE)

    async def read(reservation_id: str) -> reservations_pb2.Reservation:
        async with gate:
            request = reservations_pb2.GetReservationRequest(reservation_id=reservation_id)
            return (await patiently(staff.reservations.GetReservation, request)).reservation

    return dict(zip(known, await asyncio.gather(*map(read, known.values())), strict=True))


async def _shipments(staff: Services) -> list[shipments_pb2.Shipment]:
    request = shipments_pb2.ListShipmentsRequest(page_size=200, warehouse_code=warehouse.CODE)
    return [
        shipment
        async for page in pages(staff.shipments.ListShipments, request)
        for shipment in page.shipments
    ]


def _timestamp(seconds: float) -> Timestamp:
    stamp = Timestamp()
    stamp.FromDatetime(instant(seconds))
    return stamp
