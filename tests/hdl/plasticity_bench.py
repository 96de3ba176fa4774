"""Random device tables, then random pulses on random walls, with random gaps."""

import random
from types import SimpleNamespace

import cocotb
from bench import bench_parameters
from cocotb.triggers import FallingEdge
from drivers import start
from state_driver import StateDriver

from crosswall.spec.device_table import GAIN_ENTRIES, DeviceTable, apply_pulse
from crosswall.spec.network import whole_image

PULSES = 600


def random_table(generator, network, static_spread):
    """A device table with small and extreme steps."""
    steps = [generator.choice((generator.randint(-40, 40), generator.randint(-32768, 32767),
                               -32768, 32767))
             for _ in range(1 << network.variant_bits + 1 + network.bin_bits
                            + network.quantile_bits)]
    spread = {"gains": tuple(generator.choice((0, 256, 1023, generator.randrange(1024)))
                             for _ in range(GAIN_ENTRIES)),
              "stuck_threshold": 0x3000} if static_spread else {}
    return DeviceTable(network.wall_bits, network.bin_bits, network.quantile_bits,
                       network.variant_bits, tuple(steps), **spread)


@cocotb.test()
async def pulses_move_walls(dut):
    generator = random.Random(cocotb.RANDOM_SEED)
    parameters = bench_parameters()
    network = whole_image(4, 2, 4, **parameters["formats"])
    latency, static_spread = parameters["latency"], parameters["static_spread"]
    interval = latency + 1 if parameters["compact"] else 1
    pulses = SimpleNamespace(**{name: getattr(dut, f"pulses__{name}", None) for name in (
        "valid", "wall", "direction", "quantile", "static_draw", "pulse_shift",
        "stuck_threshold", "result_valid", "result")})
    pulses.valid.value = 0
    tables = [random_table(generator, network, static_spread) for _ in range(2)]
    drivers = {name: StateDriver(dut, name) for name in (
        "clustering_steps", "readout_steps", "clustering_gains", "readout_gains")}
    await start(dut)
    for side, table in zip(("clustering", "readout"), tables, strict=True):
        await drivers[f"{side}_steps"].write(table.steps)
        await drivers[f"{side}_gains"].write(table.gains)
    for readout, shift in ((0, 0), (1, 1), (0, 4), (1, 7)):
        table = tables[readout]
        dut.readout.value = readout
        pulses.stuck_threshold.value = table.stuck_threshold
        pulses.pulse_shift.value = shift
        expected = []
        for cycle in range(PULSES + latency):
            valid = (cycle < PULSES and cycle % interval == 0 and generator.random() < 0.8)
            if cycle % interval == 0:
                wall = generator.choice((0, network.wall_max,
                                         generator.randint(0, network.wall_max)))
                direction = generator.randrange(2)
                quantile = generator.randrange(1 << network.quantile_bits)
                static = generator.getrandbits(32) if static_spread else 0
                if static_spread and generator.random() < 0.3:  # as good as stuck, or just stuck
                    static = (table.stuck_threshold - generator.randrange(2)) << 16 \
                        | generator.getrandbits(16)
                pulses.wall.value, pulses.direction.value = wall, direction
                if network.quantile_bits:
                    pulses.quantile.value = quantile
                if static_spread:
                    pulses.static_draw.value = static
            pulses.valid.value = valid
            expected.append(apply_pulse(table, wall, direction, quantile, shift, static)
                            if valid else None)
            await FallingEdge(dut.clk)
            due = expected[cycle + 1 - latency] if cycle + 1 >= latency else None
            assert pulses.result_valid.value == (due is not None)
            if due is not None:
                assert pulses.result.value == due
