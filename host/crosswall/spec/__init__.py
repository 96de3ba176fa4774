"""The contract: formats, packets, registers and frames. Pure Python; imports nothing of ours."""
