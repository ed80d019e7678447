"""Who works on which wave: two never get the same, and what a dead terminal had comes back."""

from __future__ import annotations

import asyncio
from typing import Any

from lumbung.fulfillment.v1 import terminal_pb2, waves_pb2

ONE_TOTE = waves_pb2.CartCapacity(totes=1)


async def _let_lease_run_out(floor: Any, wave_id: str) -> None:
    """As if its time had passed: the lease is judged by the database's clock alone."""
    statement = "update wave set lease_expire_time = now() - interval '1 s' where wave_id = %s returning 1"
    assert await floor.scalar(statement, wave_id) == 1


async def test_terminals_that_claim_at_once_get_different_waves(floor: Any) -> None:
    for _ in range(6):
        await floor.order(RICE=1)
    await floor.plan(cart=ONE_TOTE)
    terminals = [await floor.sign_in(f"t-{n}") for n in range(6)]
    waves = await asyncio.gather(*(t.claim(f"cart-{n}") for n, t in enumerate(terminals)))
    assert len({wave.wave_id for wave in waves}) == 6


async def test_more_terminals_than_waves(floor: Any, refusal: Any) -> None:
    await floor.order(RICE=1)
    await floor.plan()
    one, two = await floor.sign_in("t-1"), await floor.sign_in("t-2")
    await one.claim("cart-1")
    refused = await refusal(two.claim("cart-2"))
    assert refused.reason == "NO_WAVE_WAITING"
    assert refused.retry_after_s


async def test_a_session_with_a_wave_gets_that_one_again(floor: Any) -> None:
    for _ in range(2):
        await floor.order(RICE=1)
    await floor.plan(cart=ONE_TOTE)
    terminal = await floor.sign_in()
    first = await terminal.claim()
    assert (await terminal.claim()).wave_id == first.wave_id


async def test_a_cart_carries_one_wave(floor: Any, refusal: Any) -> None:
    for _ in range(2):
        await floor.order(RICE=1)
    await floor.plan(cart=ONE_TOTE)
    one, two = await floor.sign_in("t-1"), await floor.sign_in("t-2")
    await one.claim("cart-1")
    assert (await refusal(two.claim("cart-1"))).reason == "CART_IN_USE"


async def test_a_dead_terminals_wave_comes_back_with_what_was_picked(floor: Any, refusal: Any) -> None:
    await floor.order(RICE=1, SUGAR=1)
    await floor.plan()
    dead, alive = await floor.sign_in("t-1"), await floor.sign_in("t-2")
    wave = await dead.claim("cart-1")
    await dead.pick(wave.tasks[0])
    await _let_lease_run_out(floor, wave.wave_id)
    taken = await alive.claim("cart-1")
    assert taken.wave_id == wave.wave_id
    assert [task.state for task in taken.tasks] == [waves_pb2.PICK_STATE_PICKED, waves_pb2.PICK_STATE_OPEN]
    late = await refusal(dead.pick(wave.tasks[1]))
    assert late.reason == "WAVE_NOT_YOURS"
    assert (await alive.pick(taken.tasks[1])).wave_done


async def test_a_late_scan_counts_while_nobody_else_has_the_wave(floor: Any) -> None:
    await floor.order(RICE=1)
    await floor.plan()
    terminal = await floor.sign_in()
    wave = await terminal.claim()
    await _let_lease_run_out(floor, wave.wave_id)
    assert (await terminal.pick(wave.tasks[0])).wave_done


async def test_a_begun_wave_stays_on_its_cart(floor: Any) -> None:
    """Its goods are there: whoever goes on with it takes that cart over."""
    await floor.order(RICE=1, SUGAR=1)
    await floor.plan()
    one, two = await floor.sign_in("t-1"), await floor.sign_in("t-2")
    wave = await one.claim("cart-1")
    await one.pick(wave.tasks[0])
    pause = terminal_pb2.PauseWaveRequest(request_id="p", session_id=one.session_id, wave_id=wave.wave_id)
    assert (await floor.terminals.PauseWave(pause)).wave.state == waves_pb2.WAVE_STATE_PAUSED
    handed_over = await two.claim("cart-2")
    assert (handed_over.wave_id, handed_over.cart_code) == (wave.wave_id, "cart-1")
    assert handed_over.terminal_code == "t-2"


async def test_a_fresh_wave_goes_before_one_on_another_cart(floor: Any) -> None:
    for _ in range(2):
        await floor.order(RICE=1)
    await floor.plan(cart=ONE_TOTE)
    one, two = await floor.sign_in("t-1"), await floor.sign_in("t-2")
    begun = await one.claim("cart-1")
    await floor.terminals.PauseWave(
        terminal_pb2.PauseWaveRequest(request_id="p", session_id=one.session_id, wave_id=begun.wave_id)
    )
    assert (await two.claim("cart-2")).wave_id != begun.wave_id
    assert (await one.claim("cart-1")).wave_id == begun.wave_id


async def test_signing_in_again_ends_the_older_session(floor: Any, refusal: Any) -> None:
    await floor.order(RICE=1)
    await floor.plan()
    older = await floor.sign_in("t-1")
    wave = await older.claim()
    newer = await floor.sign_in("t-1")
    assert (await refusal(older.tasks())).reason == "SESSION_ENDED"
    assert (await newer.claim()).wave_id == wave.wave_id


async def test_a_heartbeat_renews_the_lease_and_tells_of_changes(floor: Any, refusal: Any) -> None:
    order = await floor.order(RICE=1)
    await floor.order(SUGAR=1)
    await floor.plan()
    terminal = await floor.sign_in()
    wave = await terminal.claim()
    beat = terminal_pb2.HeartbeatRequest(session_id=terminal.session_id, wave_id=wave.wave_id)
    first = await floor.terminals.Heartbeat(beat)
    assert first.lease_expire_time.ToNanoseconds() >= wave.lease_expire_time.ToNanoseconds()
    floor.stock.cancel(order.reservation_id)
    await floor.until(order.order_id, "CANCELLED")
    assert (await floor.terminals.Heartbeat(beat)).wave_revision > first.wave_revision
    stranger = await floor.sign_in("t-2")
    beat.session_id = stranger.session_id
    assert (await refusal(floor.terminals.Heartbeat(beat))).reason == "WAVE_NOT_YOURS"


async def test_the_most_urgent_wave_is_given_first(floor: Any) -> None:
    await floor.schedule()
    relaxed = await floor.order(courier="nobody-knows", RICE=1)
    urgent = await floor.order(RICE=1)
    await floor.plan(cart=ONE_TOTE)
    terminal = await floor.sign_in()
    assert [o.order_id for o in (await terminal.claim()).orders] == [urgent.order_id]
    await terminal.pick_all()
    assert [o.order_id for o in (await terminal.claim()).orders] == [relaxed.order_id]
