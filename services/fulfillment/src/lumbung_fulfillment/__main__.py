"""`python -m lumbung_fulfillment` serves fulfillment until SIGTERM."""

from lumbung_fulfillment.app import NAME, build
from lumbung_fulfillment.settings import FulfillmentSettings
from lumbung_kit.serving import main

if __name__ == "__main__":
    main(NAME, FulfillmentSettings, build)
