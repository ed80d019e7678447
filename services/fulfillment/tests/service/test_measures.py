"""Figures of the floor: each is reckoned again from the rows that were recorded, in another way."""

from __future__ import annotations

from collections import Counter
from datetime import UTC, datetime, timedelta
from typing import Any
from zoneinfo import ZoneInfo

import grpc
import pytest
from google.protobuf.timestamp_pb2 import Timestamp

from lumbung.fulfillment.v1 import measures_pb2 as pb
from lumbung.fulfillment.v1 import terminal_pb2
from lumbung_kit.failures import Kind

ZONE = ZoneInfo("Asia/Jakarta")
SPAN: dict[str, Any] = {"warehouse_code": "JKT", "time_zone": "Asia/Jakarta"}


def asked(days: int = 7) -> dict[str, Any]:
    """From some days ago until now."""
    start = Timestamp()
    start.FromDatetime(datetime.now(UTC) - timedelta(days=days))
    return {**SPAN, "start_time": start}


async def work(floor: Any) -> None:
    """Two people pick three orders; one scans a wrong item and meets an empty bin, one takes a cart over midway."""
    for lines in ({"RICE": 2, "TEA": 1}, {"SALT": 3}, {"SUGAR": 4}):
        await floor.order(**lines)
        await floor.plan()
    ani = await floor.sign_in("t-1", "ani")
    wave = await ani.claim("cart-1")
    with pytest.raises(grpc.aio.AioRpcError, match="wanted is RICE"):
        await ani.pick(wave.tasks[0], item_barcode="BC-SUGAR")
    await ani.pick(wave.tasks[0], request_id="taken-back")
    await floor.terminals.UndoPick(
        terminal_pb2.UndoPickRequest(
            request_id=floor.new_id(), session_id=ani.session_id, scan_request_id="taken-back"
        )
    )
    await ani.pick(wave.tasks[0])
    await ani.short(wave.tasks[1])
    await ani.pick_all()
    second = await ani.claim("cart-1")
    await ani.pick(second.tasks[0], quantity=1)
    await floor.terminals.PauseWave(
        terminal_pb2.PauseWaveRequest(
            request_id=floor.new_id(), session_id=ani.session_id, wave_id=second.wave_id
        )
    )
    budi = await floor.sign_in("t-2", "budi")
    for cart in ("cart-1", "cart-2"):
        await budi.claim(cart)
        await budi.pick_all()


async def rows(floor: Any, statement: str) -> list[dict[str, Any]]:
    """What was recorded."""
    async with floor.postgres.connection() as conn:
        cursor = await conn.execute(statement.encode())
        names = [column.name for column in cursor.description or ()]
        return [dict(zip(names, row, strict=True)) for row in await cursor.fetchall()]


async def test_figures_follow_from_what_was_recorded(floor: Any) -> None:
    await floor.stop()
    await floor.start(picker_measures=True)
    await work(floor)
    scans = await rows(
        floor,
        "select picker_code, task_id, wave_id, quantity from pick_scan join terminal_session using (session_id)"
        " where undo_time is null",
    )
    waves = {row["wave_id"]: row for row in await rows(floor, "select wave_id, walk_m, task_count from wave")}
    claims = await rows(
        floor,
        "select picker_code, begin_time, wave_claim.end_time from wave_claim join terminal_session using (session_id)",
    )
    lines = Counter(picker for picker, _ in {(row["picker_code"], row["task_id"]) for row in scans})
    walks, busy, units = Counter[str](), {"ani": timedelta(), "budi": timedelta()}, Counter[str]()
    for picker, _, wave_id in {(row["picker_code"], row["task_id"], row["wave_id"]) for row in scans}:
        walks[picker] += waves[wave_id]["walk_m"] / waves[wave_id]["task_count"]
    for row in scans:
        units[row["picker_code"]] += row["quantity"]
    for row in claims:
        busy[row["picker_code"]] += row["end_time"] - row["begin_time"]

    found = (await floor.measures.ListPickerMeasures(pb.ListPickerMeasuresRequest(**asked()))).pickers
    assert [each.picker_code for each in found] == ["ani", "budi"]
    for each in found:
        name = each.picker_code
        assert (each.lines, each.units) == (lines[name], units[name])
        assert each.walk_m == pytest.approx(walks[name])
        assert each.pick_time.ToTimedelta() == busy[name]
        assert each.lines_per_hour == pytest.approx(lines[name] / (busy[name] / timedelta(hours=1)))
        assert each.lines_per_metre == pytest.approx(lines[name] / walks[name])
        assert each.day_start_time.ToDatetime(UTC).astimezone(ZONE).hour == 0
    assert [(each.wrong_scans, each.short_picks) for each in found] == [(1, 1), (0, 0)]

    (day,) = (await floor.measures.ListDailyMeasures(pb.ListDailyMeasuresRequest(**asked()))).days
    distinct = {(row["task_id"]) for row in scans}
    assert (day.lines, day.units) == (len(distinct), sum(units.values()))
    assert (day.wrong_scans, day.short_picks, day.waves_done, day.waves_on_time) == (1, 1, 3, 3)
    assert day.pick_time.ToTimedelta() == sum(busy.values(), timedelta())

    whole = (await floor.measures.GetMeasures(pb.GetMeasuresRequest(**asked()))).measures
    assert (whole.picked_lines, whole.picked_units, whole.pick_scans) == (day.lines, day.units, len(scans))
    assert whole.pick_time == day.pick_time
    assert whole.lines_per_metre == pytest.approx(day.lines_per_metre)
    once = {(row["task_id"], row["wave_id"]) for row in scans}
    assert day.walk_m == pytest.approx(sum(waves[of]["walk_m"] / waves[of]["task_count"] for _, of in once))
    ended = await rows(floor, "select 1 from pick_task where state in ('picked', 'short')")
    assert whole.short_pick_rate == pytest.approx(1 / len(ended))

    (short,) = (await floor.measures.ListShortBins(pb.ListShortBinsRequest(**_without_zone()))).bins
    (told,) = await rows(floor, "select bin_code, missing_quantity from short_pick")
    assert (short.bin_code, short.missing_quantity) == (told["bin_code"], told["missing_quantity"])
    there = await rows(
        floor,
        f"select 1 from pick_task where state in ('picked', 'short') and bin_code = '{short.bin_code}'",  # noqa: S608
    )
    assert (short.picks, short.short_picks) == (len(there), 1)
    assert short.short_pick_rate == pytest.approx(1 / len(there))

    pages = []
    request = pb.ListPickerMeasuresRequest(page_size=1, **asked())
    while True:
        page = await floor.measures.ListPickerMeasures(request)
        pages.append([each.picker_code for each in page.pickers])
        if not page.next_page_token:
            break
        request.page_token = page.next_page_token
    assert pages == [["ani"], ["budi"]]


def _without_zone() -> dict[str, Any]:
    return {name: value for name, value in asked().items() if name != "time_zone"}


async def test_figures_by_person_are_off_until_the_shop_decides(floor: Any, refusal: Any) -> None:
    refused = await refusal(floor.measures.ListPickerMeasures(pb.ListPickerMeasuresRequest(**asked())))
    assert (refused.kind, refused.reason) == (Kind.FAILED_PRECONDITION, "PICKER_MEASURES_OFF")
    assert refused.metadata["setting"] == "LUMBUNG_FULFILLMENT_PICKER_MEASURES"
    too_long = await refusal(floor.measures.ListDailyMeasures(pb.ListDailyMeasuresRequest(**asked(days=93))))
    assert "end_time" in str(too_long.fields)
    assert not (await floor.measures.ListDailyMeasures(pb.ListDailyMeasuresRequest(**asked()))).days
    assert not (await floor.measures.ListShortBins(pb.ListShortBinsRequest(**_without_zone()))).bins
