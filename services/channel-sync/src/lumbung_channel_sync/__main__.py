"""`python -m lumbung_channel_sync`"""

from lumbung_channel_sync.app import NAME, build
from lumbung_channel_sync.settings import ChannelSyncSettings
from lumbung_kit.serving import main

if __name__ == "__main__":
    main(NAME, ChannelSyncSettings, build)
