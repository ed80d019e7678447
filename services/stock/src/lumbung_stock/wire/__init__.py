"""How domain objects look in the contract: shared by the RPCs and by the events that stores write."""
