r"""A small marketplace of our own: it stands for somebody else's system, so it shares no code with Lumbung.

    python -m lumbung_dev.marketplace --name tokoria --listen 127.0.0.1:8801 \
        --webhook-url http://127.0.0.1:8080/webhooks/tokoria --secrets-file secrets.json

or LUMBUNG_MARKETPLACE_NAME, ..._LISTEN, ..._WEBHOOK_URL, ..._API_KEY and ..._WEBHOOK_SECRET.
It keeps its own stock figure per listing, in memory, and sells while that is above 0.

For buyers, without a key:
    GET  /                     the listings, for people (English, or Indonesian with ?lang=id)
    GET  /status.json          the same for programs; ?history=1 adds every change of each figure with its time;
                               ?listing_id=... (repeated) chooses listings
    POST /orders               {"buyer_id", "courier", "lines": [{"listing_id", "quantity"}]} -> 201 with the order, or
                               409 {"error": "sold_out"}
    GET  /orders/<id>          how the order stands: a page for people, JSON for others
    GET  /orders.json          every order; ?state=WAITING (ACCEPTED, REJECTED, CANCELLED, RETURNING) chooses
    POST /orders/<id>/cancel   {"reason"}; the figure goes up again at once
    POST /orders/<id>/return   {"reason"}

For sellers, with `Authorization: Bearer <API key>`:
    GET  /api/shop
    PUT  /api/listings         {"listings": [{"listing_id", "title", "seller_sku", "price_idr"}]}, at most 1,000 a call
    PUT  /api/figures          {"figures": [{"listing_id", "quantity", "version", "sale_code"}]}, at most 100 a call,
                               absolute; an older version than the newest changes nothing. One result per row.
    GET  /api/figures          ?listing_id=..., at most 100
    POST /api/orders/answers   {"answers": [{"order_id", "answer", "reason", "message"}]}, at most 100 a call;
                               answer: accept, reject, cancel, refuse_cancellation. One result per row.
    PUT  /api/faults           {"status": 500, "calls": 3, "retry_after_s": 2, "listings": {"<id>": "busy"}}: misbehave

It tells the seller by signed webhooks of `order.placed`, `order.cancelled` and `return.announced`, again and again
until it gets a 2xx; by an option it repeats and reorders them, as real platforms do.
"""
