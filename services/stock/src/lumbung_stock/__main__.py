"""`python -m lumbung_stock`"""

from lumbung_kit.serving import main
from lumbung_stock.app import build
from lumbung_stock.settings import StockSettings

if __name__ == "__main__":
    main("stock", StockSettings, build)
