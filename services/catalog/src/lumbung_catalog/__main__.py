"""`python -m lumbung_catalog` serves the catalog until SIGTERM."""

from lumbung_catalog.app import NAME, build
from lumbung_catalog.settings import CatalogSettings
from lumbung_kit.serving import main

if __name__ == "__main__":
    main(NAME, CatalogSettings, build)
