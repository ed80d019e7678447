"""Pages for people, in English and Indonesian."""

from __future__ import annotations

import time
from html import escape

from lumbung_dev.marketplace.shop import Listing, Order, OrderState, Shop

LANGUAGES = ("en", "id")
ORDERS_SHOWN = 20

_WORDS = {
    "en": {
        "listings": "Listings",
        "listing": "Listing",
        "title": "Goods",
        "price": "Price",
        "left": "Left",
        "sold out": "sold out",
        "updated": "Updated",
        "never": "never",
        "seconds ago": "{:.1f} s ago",
        "minutes ago": "{:.0f} min ago",
        "push": "by the seller",
        "order": "an order",
        "cancellation": "a cancellation",
        "sale": "flash sale",
        "orders": "Newest orders",
        "one order": "Order",
        "state": "State",
        "back": "all listings",
        "WAITING": "waiting for the seller",
        "ACCEPTED": "accepted: it will be sent",
        "REJECTED": "not possible",
        "CANCELLED": "cancelled",
        "RETURNING": "on its way back",
    },
    "id": {
        "listings": "Etalase",
        "listing": "Produk",
        "title": "Barang",
        "price": "Harga",
        "left": "Sisa",
        "sold out": "habis",
        "updated": "Diperbarui",
        "never": "belum pernah",
        "seconds ago": "{:.1f} detik lalu",
        "minutes ago": "{:.0f} menit lalu",
        "push": "oleh penjual",
        "order": "pesanan",
        "cancellation": "pembatalan",
        "sale": "flash sale",
        "orders": "Pesanan terbaru",
        "one order": "Pesanan",
        "state": "Status",
        "back": "semua produk",
        "WAITING": "menunggu penjual",
        "ACCEPTED": "diterima: akan dikirim",
        "REJECTED": "tidak dapat dipenuhi",
        "CANCELLED": "dibatalkan",
        "RETURNING": "sedang dikembalikan",
    },
}

_STYLE = """
body { font: 16px/1.5 system-ui, sans-serif; margin: 2rem auto; max-width: 64rem; padding: 0 1rem; color: #1a1a1a }
table { border-collapse: collapse; width: 100%; margin-bottom: 2rem }
th, td { text-align: left; padding: .4rem .6rem; border-bottom: 1px solid #ddd }
td.number { text-align: right; font-variant-numeric: tabular-nums }
.gone { color: #a00; font-weight: 600 }
.sale { background: #ffe08a; border-radius: .3rem; padding: 0 .4rem }
a { color: #064 }
"""


def listings_page(shop: Shop, language: str) -> str:
    """Every listing with its figure, and the newest orders."""
    words = _WORDS[language]
    heads = "".join(f"<th>{words[name]}</th>" for name in ("listing", "title", "price", "left", "updated"))
    body = "".join(_listing_row(listing, words) for listing in shop.listings.values())
    newest = list(shop.orders.values())[-ORDERS_SHOWN:][::-1]
    orders = "".join(_order_row(order, words, language) for order in newest)
    return _page(
        shop.name,
        language,
        f"<h1>{escape(shop.name.title())}</h1>{_other_language(language)}"
        f"<h2>{words['listings']}</h2><table><thead><tr>{heads}</tr></thead><tbody>{body}</tbody></table>"
        f"<h2>{words['orders']}</h2><table><tbody>{orders}</tbody></table>",
    )


def order_page(shop: Shop, order: Order, language: str) -> str:
    """How one order stands."""
    words = _WORDS[language]
    lines = "".join(
        f"<li>{line.quantity} × {escape(shop.listings[line.listing_id].title)}</li>" for line in order.lines
    )
    why = f" ({escape(order.reason)})" if order.state is OrderState.REJECTED and order.reason else ""
    return _page(
        order.order_id,
        language,
        f"<h1>{words['one order']} {escape(order.order_id)}</h1>"
        f"<p>{words['state']}: <strong>{words[order.state.value]}</strong>{why}</p><ul>{lines}</ul>"
        f'<p><a href="/?lang={language}">{words["back"]}</a></p>',
    )


def _listing_row(listing: Listing, words: dict[str, str]) -> str:
    left = str(listing.quantity) if listing.quantity else f'<span class="gone">{words["sold out"]}</span>'
    sale = f' <span class="sale">{words["sale"]}</span>' if listing.sale_code else ""
    return (
        f"<tr><td>{escape(listing.listing_id)}</td><td>{escape(listing.title)}{sale}</td>"
        f'<td class="number">{rupiah(listing.price_idr)}</td><td class="number">{left}</td>'
        f"<td>{_updated(listing, words)}</td></tr>"
    )


def _updated(listing: Listing, words: dict[str, str]) -> str:
    if not listing.history:
        return words["never"]
    change = listing.history[-1]
    age_s = time.time() - change.at_s
    ago = words["seconds ago"].format(age_s) if age_s < 120 else words["minutes ago"].format(age_s / 60)
    return f"{ago}, {words[change.cause]}"


def _order_row(order: Order, words: dict[str, str], language: str) -> str:
    link = f'<a href="/orders/{escape(order.order_id)}?lang={language}">{escape(order.order_id)}</a>'
    return f"<tr><td>{link}</td><td>{words[order.state.value]}</td><td>{escape(order.reason)}</td></tr>"


def _other_language(language: str) -> str:
    return (
        '<p><a href="/?lang=id">Bahasa Indonesia</a></p>'
        if language == "en"
        else '<p><a href="/?lang=en">English</a></p>'
    )


def _page(title: str, language: str, body: str) -> str:
    return (
        f'<!doctype html><html lang="{language}"><head><meta charset="utf-8"><title>{escape(title)}</title>'
        f'<meta name="viewport" content="width=device-width, initial-scale=1"><style>{_STYLE}</style></head>'
        f"<body>{body}</body></html>"
    )


def rupiah(amount: int) -> str:
    """As it is written in Indonesia: Rp149.000."""
    return "Rp" + f"{amount:,}".replace(",", ".")
