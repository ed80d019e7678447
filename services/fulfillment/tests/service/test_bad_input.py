"""Bad input on every RPC: INVALID_ARGUMENT that names the field, and nothing changed in the store."""

from __future__ import annotations

from typing import Any

from google.protobuf.duration_pb2 import Duration
from google.protobuf.timestamp_pb2 import Timestamp

from lumbung.fulfillment.v1 import (
    bookings_pb2,
    couriers_pb2,
    events_pb2,
    measures_pb2,
    orders_pb2,
    packing_pb2,
    returns_pb2,
    shipments_pb2,
    slotting_pb2,
    terminal_pb2,
    waves_pb2,
)
from lumbung_kit.failures import Kind

ID = "0198c2f4-5e6f-7a81-9b3c-2d4e5f607182"
PICKUP = couriers_pb2.Pickup(weekday=couriers_pb2.WEEKDAY_MONDAY, hour=9)


def schedule(**changes: Any) -> couriers_pb2.SetPickupScheduleRequest:
    usual: dict[str, Any] = {
        "warehouse_code": "JKT",
        "courier_service": "jne",
        "time_zone": "Asia/Jakarta",
        "pickups": [PICKUP],
    }
    return couriers_pb2.SetPickupScheduleRequest(
        request_id="r", schedule=couriers_pb2.PickupSchedule(**usual | changes)
    )


def team(**changes: Any) -> couriers_pb2.SetTeamRequest:
    usual: dict[str, Any] = {
        "warehouse_code": "JKT",
        "picker_count": 1,
        "packer_count": 1,
        "per_line": Duration(seconds=1),
        "per_pack": Duration(seconds=1),
        "walk_speed_mps": 1,
    }
    return couriers_pb2.SetTeamRequest(request_id="r", team=couriers_pb2.Team(**usual | changes))


def pick(**changes: Any) -> terminal_pb2.ConfirmPickRequest:
    usual: dict[str, Any] = {
        "request_id": "r",
        "session_id": ID,
        "task_id": ID,
        "bin_barcode": "A",
        "item_barcode": "B",
    }
    return terminal_pb2.ConfirmPickRequest(**usual | changes)


def put_back(**changes: Any) -> terminal_pb2.ConfirmPutBackRequest:
    usual: dict[str, Any] = {
        "request_id": "r",
        "session_id": ID,
        "put_back_id": ID,
        "bin_barcode": "A",
        "item_barcode": "B",
    }
    return terminal_pb2.ConfirmPutBackRequest(**usual | changes)


def received(*lines: tuple[str, int], **changes: Any) -> returns_pb2.ReceiveReturnRequest:
    usual: dict[str, Any] = {
        "request_id": "r",
        "order_id": ID,
        "lines": [returns_pb2.ReturnQuantity(sku_code=sku, quantity=quantity) for sku, quantity in lines],
        "reason": returns_pb2.RETURN_REASON_OTHER,
    }
    return returns_pb2.ReceiveReturnRequest(**usual | changes)


def inspection(**decision: Any) -> returns_pb2.InspectReturnRequest:
    usual = {"sku_code": "S", "quantity": 1, "disposition": returns_pb2.DISPOSITION_SCRAP}
    return returns_pb2.InspectReturnRequest(
        request_id="r", return_id=ID, decisions=[returns_pb2.InspectionDecision(**usual | decision)]
    )


def putaway(*lines: tuple[str, int], **changes: Any) -> slotting_pb2.SuggestPutawayRequest:
    usual: dict[str, Any] = {
        "warehouse_code": "JKT",
        "lines": [slotting_pb2.PutawayLine(sku_code=sku, quantity=quantity) for sku, quantity in lines],
    }
    return slotting_pb2.SuggestPutawayRequest(**usual | changes)


def face(**changes: Any) -> slotting_pb2.SetPickFaceRequest:
    usual: dict[str, Any] = {
        "warehouse_code": "JKT",
        "sku_code": "S",
        "bin_code": "A0-05",
        "min_quantity": 1,
        "max_quantity": 2,
    }
    return slotting_pb2.SetPickFaceRequest(request_id="r", pick_face=slotting_pb2.PickFace(**usual | changes))


CASES: list[tuple[str, str, Any, list[str]]] = [
    (
        "slotting",
        "ListReplenishments",
        slotting_pb2.ListReplenishmentsRequest(page_size=-1, page_token="x"),
        ["warehouse_code", "page_token", "page_size"],
    ),
    (
        "slotting",
        "ClaimReplenishment",
        slotting_pb2.ClaimReplenishmentRequest(session_id="7"),
        ["request_id", "session_id"],
    ),
    (
        "slotting",
        "ConfirmReplenishment",
        slotting_pb2.ConfirmReplenishmentRequest(quantity=-1),
        [
            "request_id",
            "session_id",
            "replenishment_id",
            "from_bin_barcode",
            "to_bin_barcode",
            "item_barcode",
            "quantity",
        ],
    ),
    (
        "slotting",
        "ReleaseReplenishment",
        slotting_pb2.ReleaseReplenishmentRequest(request_id="r", session_id=ID),
        ["replenishment_id"],
    ),
    (
        "slotting",
        "SetPickFace",
        face(warehouse_code="", sku_code="", bin_code=""),
        ["pick_face.warehouse_code", "pick_face.sku_code", "pick_face.bin_code"],
    ),
    (
        "slotting",
        "ReportSlotting",
        slotting_pb2.ReportSlottingRequest(max_moves=-1, weeks=27),
        ["warehouse_code", "max_moves", "weeks"],
    ),
    (
        "slotting",
        "ReportSlotting",
        slotting_pb2.ReportSlottingRequest(warehouse_code="J", max_moves=201),
        ["max_moves"],
    ),
    ("slotting", "SetPickFace", face(min_quantity=-1), ["pick_face.min_quantity"]),
    ("slotting", "SetPickFace", face(min_quantity=3), ["pick_face.max_quantity"]),
    ("slotting", "SetPickFace", face(max_quantity=1_000_001), ["pick_face.max_quantity"]),
    (
        "slotting",
        "ListPickFaces",
        slotting_pb2.ListPickFacesRequest(warehouse_code="J", page_token="x"),
        ["page_token"],
    ),
    ("slotting", "SuggestPutaway", putaway(warehouse_code=""), ["warehouse_code", "lines"]),
    ("slotting", "SuggestPutaway", putaway(*[("S", 1)] * 101), ["lines"]),
    ("slotting", "SuggestPutaway", putaway(("S", 1), ("", 0)), ["lines[1].sku_code", "lines[1].quantity"]),
    ("slotting", "SuggestPutaway", putaway(("S", 1_000_001)), ["lines[0].quantity"]),
    (
        "slotting",
        "SuggestPutaway",
        putaway(lines=[slotting_pb2.PutawayLine(sku_code="S", quantity=1, lot_code="L" * 65)]),
        ["lines[0].lot_code"],
    ),
    ("orders", "GetOrder", orders_pb2.GetOrderRequest(order_id="7"), ["order_id"]),
    ("orders", "ListOrders", orders_pb2.ListOrdersRequest(page_size=-1), ["page_size"]),
    ("orders", "ListOrders", orders_pb2.ListOrdersRequest(page_token="x"), ["page_token"]),
    ("orders", "ListOrders", orders_pb2.ListOrdersRequest(states=[0]), ["states[0]"]),
    ("orders", "ListOrders", orders_pb2.ListOrdersRequest(states=[99]), ["states[0]"]),
    (
        "orders",
        "ListOrders",
        orders_pb2.ListOrdersRequest(reservation_id="x", wave_id="y"),
        ["reservation_id", "wave_id"],
    ),
    ("orders", "ListOrdersAtRisk", orders_pb2.ListOrdersAtRiskRequest(), ["warehouse_code"]),
    (
        "orders",
        "ListOrdersAtRisk",
        orders_pb2.ListOrdersAtRiskRequest(warehouse_code="J", slack_below=Duration(seconds=-1)),
        ["slack_below"],
    ),
    (
        "orders",
        "PromiseCutOff",
        orders_pb2.PromiseCutOffRequest(warehouse_code="J", line_count=101),
        ["line_count"],
    ),
    (
        "couriers",
        "SetPickupSchedule",
        couriers_pb2.SetPickupScheduleRequest(),
        [
            "request_id",
            "schedule.warehouse_code",
            "schedule.courier_service",
            "schedule.time_zone",
            "schedule.pickups",
        ],
    ),
    ("couriers", "SetPickupSchedule", schedule(time_zone="Asia/Nowhere"), ["schedule.time_zone"]),
    ("couriers", "SetPickupSchedule", schedule(time_zone="../etc/passwd"), ["schedule.time_zone"]),
    ("couriers", "SetPickupSchedule", schedule(pickups=[PICKUP, PICKUP]), ["schedule.pickups[1]"]),
    (
        "couriers",
        "SetPickupSchedule",
        schedule(pickups=[couriers_pb2.Pickup(hour=24, minute=60)]),
        ["schedule.pickups[0].weekday", "schedule.pickups[0].hour", "schedule.pickups[0].minute"],
    ),
    (
        "couriers",
        "SetPickupSchedule",
        schedule(closed_dates=[couriers_pb2.CalendarDate(year=2026, month=2, day=30)]),
        ["schedule.closed_dates[0]"],
    ),
    (
        "couriers",
        "SetPickupSchedule",
        schedule(ready_before=Duration(seconds=5 * 3600)),
        ["schedule.ready_before"],
    ),
    (
        "couriers",
        "GetPickupSchedule",
        couriers_pb2.GetPickupScheduleRequest(),
        ["warehouse_code", "courier_service"],
    ),
    ("couriers", "ListPickupSchedules", couriers_pb2.ListPickupSchedulesRequest(), ["warehouse_code"]),
    (
        "couriers",
        "ListUpcomingPickups",
        couriers_pb2.ListUpcomingPickupsRequest(warehouse_code="J", within=Duration(seconds=15 * 86400)),
        ["within"],
    ),
    (
        "couriers",
        "SetTeam",
        team(picker_count=0, packer_count=501),
        ["team.picker_count", "team.packer_count"],
    ),
    ("couriers", "SetTeam", team(walk_speed_mps=float("nan")), ["team.walk_speed_mps"]),
    ("couriers", "SetTeam", team(per_line=Duration(seconds=601)), ["team.per_line"]),
    ("couriers", "GetTeam", couriers_pb2.GetTeamRequest(warehouse_code="a b"), ["warehouse_code"]),
    ("waves", "PlanWaves", waves_pb2.PlanWavesRequest(), ["request_id", "warehouse_code"]),
    (
        "waves",
        "PlanWaves",
        waves_pb2.PlanWavesRequest(request_id="r", warehouse_code="J", max_waves=501),
        ["max_waves"],
    ),
    (
        "waves",
        "PlanWaves",
        waves_pb2.PlanWavesRequest(request_id="r", warehouse_code="J", budget=Duration(seconds=11)),
        ["budget"],
    ),
    (
        "waves",
        "PlanWaves",
        waves_pb2.PlanWavesRequest(
            request_id="r", warehouse_code="J", cart=waves_pb2.CartCapacity(units=-1, totes=201)
        ),
        ["cart.units", "cart.totes"],
    ),
    (
        "waves",
        "PlanWaves",
        waves_pb2.PlanWavesRequest(
            request_id="r", warehouse_code="J", pickup_until_time=Timestamp(seconds=-1)
        ),
        ["pickup_until_time"],
    ),
    ("waves", "GetPlan", waves_pb2.GetPlanRequest(), ["plan_id"]),
    ("waves", "GetWave", waves_pb2.GetWaveRequest(wave_id="x"), ["wave_id"]),
    ("waves", "ListWaves", waves_pb2.ListWavesRequest(plan_id="x", states=[9]), ["states[0]", "plan_id"]),
    ("waves", "ExplainWave", waves_pb2.ExplainWaveRequest(), ["wave_id"]),
    ("waves", "CancelWave", waves_pb2.CancelWaveRequest(), ["request_id", "wave_id", "reason"]),
    (
        "terminals",
        "SignIn",
        terminal_pb2.SignInRequest(),
        ["request_id", "terminal_code", "warehouse_code", "picker_code"],
    ),
    ("terminals", "SignOut", terminal_pb2.SignOutRequest(request_id="r"), ["session_id"]),
    (
        "terminals",
        "ClaimWave",
        terminal_pb2.ClaimWaveRequest(request_id="r", session_id=ID, wave_id="x"),
        ["cart_code", "wave_id"],
    ),
    ("terminals", "Heartbeat", terminal_pb2.HeartbeatRequest(), ["session_id"]),
    ("terminals", "ListTasks", terminal_pb2.ListTasksRequest(), ["session_id", "wave_id"]),
    (
        "terminals",
        "ConfirmPick",
        terminal_pb2.ConfirmPickRequest(),
        ["request_id", "session_id", "task_id", "bin_barcode", "item_barcode"],
    ),
    ("terminals", "ConfirmPick", pick(quantity=-1), ["quantity"]),
    ("terminals", "ConfirmPick", pick(quantity=100_001), ["quantity"]),
    ("terminals", "ConfirmPick", pick(item_barcode="x" * 513), ["item_barcode"]),
    ("terminals", "ConfirmPick", pick(request_id="white space"), ["request_id"]),
    ("terminals", "ConfirmPick", pick(scan_time=Timestamp(nanos=-5)), ["scan_time"]),
    (
        "terminals",
        "ReportShortPick",
        terminal_pb2.ReportShortPickRequest(request_id="r", session_id=ID, task_id=ID, note="x" * 201),
        ["note"],
    ),
    (
        "terminals",
        "UndoPick",
        terminal_pb2.UndoPickRequest(),
        ["request_id", "session_id", "scan_request_id"],
    ),
    ("terminals", "PauseWave", terminal_pb2.PauseWaveRequest(), ["request_id", "session_id", "wave_id"]),
    ("terminals", "ListPutBacks", terminal_pb2.ListPutBacksRequest(state=9), ["warehouse_code", "state"]),  # type: ignore[arg-type]
    ("terminals", "ConfirmPutBack", put_back(quantity=-3, bin_barcode=""), ["bin_barcode", "quantity"]),
    (
        "packing",
        "StartPackage",
        packing_pb2.StartPackageRequest(),
        ["request_id", "order_id", "station_code"],
    ),
    ("packing", "CheckItem", packing_pb2.CheckItemRequest(), ["request_id", "package_id", "item_barcode"]),
    (
        "packing",
        "ClosePackage",
        packing_pb2.ClosePackageRequest(request_id="r", package_id=ID, weight_g=100_001),
        ["weight_g"],
    ),
    (
        "packing",
        "ClosePackage",
        packing_pb2.ClosePackageRequest(
            request_id="r", package_id=ID, packaging_weight_g=20_001, weight_override_reason="x" * 201
        ),
        ["packaging_weight_g", "weight_override_reason", "weight_override_reason"],
    ),
    ("packing", "GetPackage", packing_pb2.GetPackageRequest(), ["package_id"]),
    ("packing", "GetLabel", packing_pb2.GetLabelRequest(package_id="x"), ["package_id"]),
    (
        "shipments",
        "Ship",
        shipments_pb2.ShipRequest(tracking_number="x" * 65),
        ["request_id", "order_id", "tracking_number"],
    ),
    ("shipments", "GetShipment", shipments_pb2.GetShipmentRequest(), ["shipment_id"]),
    ("shipments", "ListShipments", shipments_pb2.ListShipmentsRequest(order_id="x"), ["order_id"]),
    (
        "shipments",
        "GetManifest",
        shipments_pb2.GetManifestRequest(),
        ["warehouse_code", "courier_service", "pickup_time"],
    ),
    (
        "shipments",
        "HandOverManifest",
        shipments_pb2.HandOverManifestRequest(),
        ["request_id", "shipment_ids", "pickup_time", "signed_by", "warehouse_code", "courier_service"],
    ),
    (
        "shipments",
        "HandOverManifest",
        shipments_pb2.HandOverManifestRequest(
            request_id="r",
            warehouse_code="JKT",
            courier_service="jne-reg",
            pickup_time=Timestamp(seconds=1),
            signed_by="x" * 65,
            shipment_ids=[ID, ID, "x"],
        ),
        ["shipment_ids[2]", "shipment_ids", "signed_by"],
    ),
    ("orders", "HoldOrder", orders_pb2.HoldOrderRequest(), ["request_id", "order_id", "reason"]),
    (
        "orders",
        "HoldOrder",
        orders_pb2.HoldOrderRequest(request_id="r", order_id=ID, reason="x" * 201),
        ["reason"],
    ),
    ("orders", "ResumeOrder", orders_pb2.ResumeOrderRequest(), ["request_id", "order_id"]),
    ("returns", "ReceiveReturn", received(), ["lines"]),
    (
        "returns",
        "ReceiveReturn",
        received(("S", 0), ("S", 1), reason=0),
        ["lines[0].quantity", "lines[1].sku_code", "reason"],
    ),
    ("returns", "ReceiveReturn", received(*((f"S{n}", 1) for n in range(101))), ["lines"]),
    ("returns", "InspectReturn", inspection(quantity=-1), ["decisions[0].quantity"]),
    ("returns", "InspectReturn", inspection(disposition=0), ["decisions[0].disposition"]),
    (
        "returns",
        "InspectReturn",
        inspection(disposition=returns_pb2.DISPOSITION_RESTOCK),
        ["decisions[0].bin_code"],
    ),
    ("returns", "InspectReturn", inspection(bin_code="A1"), ["decisions[0].bin_code"]),
    ("returns", "GetReturn", returns_pb2.GetReturnRequest(), ["return_id"]),
    ("returns", "ListReturns", returns_pb2.ListReturnsRequest(page_token="%%%"), ["page_token"]),
    (
        "returns",
        "ExpectReturn",
        returns_pb2.ExpectReturnRequest(order_id="x"),
        ["request_id", "order_id", "lines", "reason"],
    ),
    (
        "returns",
        "ListReturns",
        returns_pb2.ListReturnsRequest(
            not_same_day=True, time_zone="Mars", state=returns_pb2.RETURN_STATE_EXPECTED
        ),
        ["time_zone", "state"],
    ),
    ("returns", "ListReturns", returns_pb2.ListReturnsRequest(time_zone="Asia/Jakarta"), ["time_zone"]),
    ("measures", "GetMeasures", measures_pb2.GetMeasuresRequest(), ["warehouse_code", "start_time"]),
    (
        "measures",
        "GetMeasures",
        measures_pb2.GetMeasuresRequest(warehouse_code="J", start_time=Timestamp(seconds=1), time_zone="x"),
        ["time_zone"],
    ),
    (
        "measures",
        "GetMeasures",
        measures_pb2.GetMeasuresRequest(warehouse_code="J", start_time=Timestamp(seconds=1)),
        ["end_time"],
    ),
    (
        "bookings",
        "ListBookings",
        bookings_pb2.ListBookingsRequest(state=9, order_id="x"),
        ["order_id", "state"],
    ),  # type: ignore[arg-type]
    ("bookings", "RetryBooking", bookings_pb2.RetryBookingRequest(), ["request_id", "booking_id"]),
]


async def test_bad_input_is_named_field_by_field(floor: Any, refusal: Any) -> None:
    before = await floor.everything()
    for service, method, request, fields in CASES:
        refused = await refusal(getattr(getattr(floor, service), method)(request))
        assert (refused.kind, refused.reason) == (Kind.INVALID_ARGUMENT, "BAD_INPUT"), (method, request)
        assert [each.field for each in refused.fields] == fields, (method, request)
    assert await floor.everything() == before


async def test_the_log_refuses_a_negative_position(floor: Any, refusal: Any) -> None:
    for request in (
        events_pb2.SubscribeRequest(after_position=-1),
        events_pb2.SubscribeRequest(batch_size=501),
    ):
        refused = await refusal(_first(floor.events.Subscribe(request)))
        assert refused.reason == "BAD_INPUT"


async def test_the_log_refuses_a_position_beyond_its_end(floor: Any, refusal: Any) -> None:
    refused = await refusal(_first(floor.events.Subscribe(events_pb2.SubscribeRequest(after_position=7))))
    assert (refused.reason, refused.metadata["head_position"]) == ("POSITION_AHEAD", "0")


async def _first(call: Any) -> Any:
    return await call.read()


UNKNOWN: list[tuple[str, str, Any, str]] = [
    ("orders", "GetOrder", orders_pb2.GetOrderRequest(order_id=ID), "ORDER_NOT_FOUND"),
    (
        "couriers",
        "GetPickupSchedule",
        couriers_pb2.GetPickupScheduleRequest(warehouse_code="J", courier_service="c"),
        "SCHEDULE_NOT_FOUND",
    ),
    ("waves", "GetPlan", waves_pb2.GetPlanRequest(plan_id=ID), "PLAN_NOT_FOUND"),
    ("waves", "GetWave", waves_pb2.GetWaveRequest(wave_id=ID), "WAVE_NOT_FOUND"),
    ("waves", "ExplainWave", waves_pb2.ExplainWaveRequest(wave_id=ID), "WAVE_NOT_FOUND"),
    (
        "waves",
        "CancelWave",
        waves_pb2.CancelWaveRequest(request_id="r", wave_id=ID, reason="x"),
        "WAVE_NOT_FOUND",
    ),
    ("terminals", "SignOut", terminal_pb2.SignOutRequest(request_id="r", session_id=ID), "SESSION_NOT_FOUND"),
    (
        "terminals",
        "ClaimWave",
        terminal_pb2.ClaimWaveRequest(request_id="r", session_id=ID, cart_code="c"),
        "SESSION_NOT_FOUND",
    ),
    ("terminals", "Heartbeat", terminal_pb2.HeartbeatRequest(session_id=ID), "SESSION_NOT_FOUND"),
    ("terminals", "ListTasks", terminal_pb2.ListTasksRequest(session_id=ID, wave_id=ID), "SESSION_NOT_FOUND"),
    ("terminals", "ConfirmPick", pick(), "SESSION_NOT_FOUND"),
    (
        "terminals",
        "ReportShortPick",
        terminal_pb2.ReportShortPickRequest(request_id="r", session_id=ID, task_id=ID),
        "SESSION_NOT_FOUND",
    ),
    (
        "terminals",
        "UndoPick",
        terminal_pb2.UndoPickRequest(request_id="r", session_id=ID, scan_request_id="s"),
        "SESSION_NOT_FOUND",
    ),
    (
        "terminals",
        "PauseWave",
        terminal_pb2.PauseWaveRequest(request_id="r", session_id=ID, wave_id=ID),
        "SESSION_NOT_FOUND",
    ),
    ("terminals", "ConfirmPutBack", put_back(), "SESSION_NOT_FOUND"),
    (
        "packing",
        "StartPackage",
        packing_pb2.StartPackageRequest(request_id="r", order_id=ID, station_code="p"),
        "ORDER_NOT_FOUND",
    ),
    (
        "packing",
        "CheckItem",
        packing_pb2.CheckItemRequest(request_id="r", package_id=ID, item_barcode="x"),
        "PACKAGE_NOT_FOUND",
    ),
    (
        "packing",
        "ClosePackage",
        packing_pb2.ClosePackageRequest(request_id="r", package_id=ID),
        "PACKAGE_NOT_FOUND",
    ),
    ("packing", "GetPackage", packing_pb2.GetPackageRequest(package_id=ID), "PACKAGE_NOT_FOUND"),
    ("shipments", "Ship", shipments_pb2.ShipRequest(request_id="r", order_id=ID), "ORDER_NOT_FOUND"),
    ("shipments", "GetShipment", shipments_pb2.GetShipmentRequest(shipment_id=ID), "SHIPMENT_NOT_FOUND"),
    ("returns", "ReceiveReturn", received(("S", 1)), "ORDER_NOT_FOUND"),
    ("returns", "InspectReturn", inspection(), "RETURN_NOT_FOUND"),
    ("returns", "GetReturn", returns_pb2.GetReturnRequest(return_id=ID), "RETURN_NOT_FOUND"),
    (
        "bookings",
        "RetryBooking",
        bookings_pb2.RetryBookingRequest(request_id="r", booking_id=ID),
        "BOOKING_NOT_FOUND",
    ),
]


async def test_what_is_unknown_is_not_found(floor: Any, refusal: Any) -> None:
    for service, method, request, reason in UNKNOWN:
        refused = await refusal(getattr(getattr(floor, service), method)(request))
        assert (refused.kind, refused.reason) == (Kind.NOT_FOUND, reason), method


async def test_unknown_tasks_and_put_backs_are_not_found(floor: Any, refusal: Any) -> None:
    terminal = await floor.sign_in()
    session_id = terminal.session_id
    scanned = floor.terminals.ConfirmPick(pick(session_id=session_id))
    assert (await refusal(scanned)).reason == "TASK_NOT_FOUND"
    short = terminal_pb2.ReportShortPickRequest(request_id="r", session_id=session_id, task_id=ID)
    assert (await refusal(floor.terminals.ReportShortPick(short))).reason == "TASK_NOT_FOUND"
    undo = terminal_pb2.UndoPickRequest(request_id="r", session_id=session_id, scan_request_id="s")
    assert (await refusal(floor.terminals.UndoPick(undo))).reason == "SCAN_NOT_FOUND"
    back = floor.terminals.ConfirmPutBack(put_back(session_id=session_id))
    assert (await refusal(back)).reason == "PUT_BACK_NOT_FOUND"
    carried = slotting_pb2.ReleaseReplenishmentRequest(
        request_id="r", session_id=session_id, replenishment_id=ID
    )
    refused = await refusal(floor.slotting.ReleaseReplenishment(carried))
    assert refused.reason == "REPLENISHMENT_NOT_FOUND"
    claim = terminal.claim(wave_id=ID)
    assert (await refusal(claim)).reason == "WAVE_NOT_FOUND"
