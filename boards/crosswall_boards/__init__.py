"""Boards: where the gateware runs, from pins and clocks to the virtual board."""
