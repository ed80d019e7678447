"""Act 4: two people walk their waves; one of them scans a wrong item and stands before an empty bin."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from dataclasses import dataclass

from lumbung.fulfillment.v1 import waves_pb2
from lumbung_dev.demo.act3_waves import Waves
from lumbung_dev.demo.floor import Picker, scans_of
from lumbung_dev.demo.play import Play
from lumbung_dev.shop.goods import all_goods
from lumbung_dev.shop.stocking import bins_of

_WAVES_OF_THE_OTHER = 3


@dataclass(frozen=True, slots=True)
class Walks:
    """What came of the walks."""

    order_ids: tuple[str, ...]
    """Orders of every wave that was walked, the followed one's first."""
    refused_scans: tuple[str, ...]
    short_bin: str
    replacement_bins: tuple[str, ...]
    lines: int
    units: int


async def walk_the_waves(play: Play, waves: Waves) -> Walks:
    """Ani walks the wave that we follow, Budi meanwhile whatever is most urgent."""
    async with (
        play.system.client("terminal:cart-3") as handheld,
        play.system.client("terminal:cart-5") as other_handheld,
    ):
        ani = Picker(handheld, "cart-3", "ani", scans_of(f"{play.run}:cart-3"))
        budi = Picker(other_handheld, "cart-5", "budi", scans_of(f"{play.run}:cart-5"))
        await ani.sign_in()
        await budi.sign_in()
        wave = await ani.claim(waves.followed.wave_id)
        if wave is None:
            raise RuntimeError(f"wave {waves.followed.wave_id} could not be claimed")
        (short_bin, replacement_bins), others = await asyncio.gather(
            _walk_with_mishaps(play, ani, wave), _walk_the_most_urgent(budi)
        )
        await ani.sign_out()
        await budi.sign_out()
    play.stage.say(
        f"Budi walked {len(others)} more waves: {ani.picked_units + budi.picked_units} units in "
        f"{ani.picked_lines + budi.picked_lines} picks by both, every one verified by barcode"
    )
    return Walks(
        order_ids=tuple(order.order_id for walked in (wave, *others) for order in walked.orders),
        refused_scans=tuple(ani.refused + budi.refused),
        short_bin=short_bin,
        replacement_bins=replacement_bins,
        lines=ani.picked_lines + budi.picked_lines,
        units=ani.picked_units + budi.picked_units,
    )


async def _walk_with_mishaps(play: Play, ani: Picker, wave: waves_pb2.Wave) -> tuple[str, tuple[str, ...]]:
    """Line by line; returns the bin that was empty and those that helped out."""
    play.stage.say(
        f"Ani's cart: {len(wave.orders)} orders, {wave.task_count} picks, {wave.walk_m:.0f} m in the shortest way "
        f"({wave.order_by_order_walk_m:.0f} m order by order)"
    )
    task = await ani.next_task(wave.wave_id)
    short_bin, picks = "", 0
    replacements: Sequence[str] = ()
    while task is not None:
        if picks == 1:
            await _scan_a_neighbours_item(play, ani, task)
        if not short_bin and picks >= 2 and len(bins_of(task.sku_code)) > 1:
            short_bin = task.bin_code
            replacements = await _stand_before_an_empty_bin(play, ani, task)
            task = await ani.next_task(wave.wave_id)
        else:
            task = await ani.pick(task)
            picks += 1
    return short_bin, tuple(replacements)


async def _scan_a_neighbours_item(play: Play, ani: Picker, task: waves_pb2.PickTask) -> None:
    neighbour = next(good for good in all_goods() if good.sku_code != task.sku_code)
    await ani.scan_wrongly(task, neighbour.sku_code)
    play.stage.say(f"wrong scan at {task.bin_code}: {neighbour.name} is refused as {', '.join(ani.refused)}")


async def _stand_before_an_empty_bin(play: Play, ani: Picker, task: waves_pb2.PickTask) -> Sequence[str]:
    answer = await ani.find_empty(task)
    bins = [replacement.bin_code for replacement in answer.replacement_tasks]
    play.stage.say(
        f"short pick at {task.bin_code}: {answer.missing_quantity} x {task.sku_code} missing, "
        f"re-sourced from {', '.join(bins) or 'nowhere'}"
    )
    return bins


async def _walk_the_most_urgent(budi: Picker) -> list[waves_pb2.Wave]:
    done: list[waves_pb2.Wave] = []
    while len(done) < _WAVES_OF_THE_OTHER and (wave := await budi.claim()) is not None:
        await budi.walk(wave)
        done.append(wave)
    return done
