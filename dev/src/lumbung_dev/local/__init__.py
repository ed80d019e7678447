"""The whole of Lumbung on one machine: servers, services and marketplaces as processes of their own."""
