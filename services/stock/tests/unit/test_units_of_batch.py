"""What a batch weighs."""

from __future__ import annotations

import pytest

from lumbung.stock.v1 import reservations_pb2 as pb
from lumbung_stock.entrypoints.reservation_service import BATCH_MAX, units_of_batch


@pytest.mark.parametrize(
    ("size", "units"), [(0, 0), (1, 1), (64, 64), (BATCH_MAX, BATCH_MAX), (5000, BATCH_MAX)]
)
def test_a_batch_weighs_as_much_as_its_reservations_one_by_one(size: int, units: int) -> None:
    assert units_of_batch(pb.BatchReserveRequest(reservations=[pb.ReserveRequest()] * size)) == units
