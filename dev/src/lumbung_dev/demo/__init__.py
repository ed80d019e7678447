"""The demo: a flash sale on three channels becomes parcels. One file an act; what they share lies beside them."""
