"""crosswall gateware: the learning machine, its link and the system around them."""
