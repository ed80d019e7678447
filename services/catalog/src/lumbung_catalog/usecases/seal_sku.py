"""Have a SKU sealed before it is corrected: whoever could use it says that they do not, and stock that it will not."""

from dataclasses import dataclass

from lumbung_catalog.clients.listings import Listings
from lumbung_catalog.clients.stock import StockUse
from lumbung_catalog.domain.corrections import Correction, Sealed, require_unused
from lumbung_catalog.domain.failures import RecipeTooLarge, UseUnknown
from lumbung_catalog.domain.limits import EVER_DRAWN_MAX
from lumbung_catalog.domain.skus import Sku
from lumbung_catalog.stores import recipes
from lumbung_catalog.usecases.correct_sku import check_correction
from lumbung_catalog.usecases.find import read_sku
from lumbung_kit.postgres import Conn, Postgres


@dataclass(frozen=True, slots=True)
class SealSku:
    """Asks the others, outside of any transaction."""

    postgres: Postgres
    stock: StockUse | None
    listings: Listings

    async def __call__(self, sku_code: str, etag: str, correction: Correction) -> Sealed:
        """Raises what CorrectSku's contract lists.

        What the catalog itself can refuse is refused first: then nobody waits for a seal in vain. Listings are asked
        for before it; one that is made later sells nothing, because stock has nothing of the SKU, and follows.
        """
        if self.stock is None:
            raise UseUnknown(metadata={"sku_code": sku_code})
        async with self.postgres.connection() as conn:
            sku = await read_sku(conn, sku_code)
            await check_correction(conn, sku, etag, correction)
            drawn = await _ever_drawn(conn, sku)
        require_unused(await self.listings.of(sku_code))
        return await self.stock.seal(sku_code, sku.version, drawn)


async def _ever_drawn(conn: Conn, sku: Sku) -> list[str]:
    """All that a bundle has ever drawn; of a plain SKU nothing."""
    drawn = await recipes.ever_drawn(conn, sku.sku_code, EVER_DRAWN_MAX + 1)
    if len(drawn) > EVER_DRAWN_MAX:
        raise RecipeTooLarge(
            f"The recipes of {sku.sku_code} have drawn more than {EVER_DRAWN_MAX} SKUs over time.",
            metadata={"sku_code": sku.sku_code},
        )
    return drawn
