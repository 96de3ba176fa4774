"""Every register over the control bus, against the declarations."""

import random

import cocotb
from bench import bench_parameters
from cocotb.triggers import FallingEdge, ReadOnly, RisingEdge
from drivers import start

from crosswall.spec.registers import REGISTERS, Access


class Bus:
    """Initiator of the control bus; counts strobes of the bank's outputs."""

    def __init__(self, dut):
        self._dut = dut
        dut.bus__strobe.value = 0

    async def access(self, address, word=None):
        """Read or, with a `word`, write; None for an error."""
        dut = self._dut
        dut.bus__strobe.value, dut.bus__address.value = 1, address
        dut.bus__write.value, dut.bus__write_data.value = word is not None, word or 0
        while True:
            await ReadOnly()
            acknowledged = dut.bus__acknowledge.value == 1
            error = acknowledged and dut.bus__error.value == 1
            data = int(dut.bus__read_data.value) if acknowledged and word is None else word
            await FallingEdge(dut.clk)
            if acknowledged:
                dut.bus__strobe.value = 0
                return None if error else data


def registers(access):
    return [register for register in REGISTERS if register.access == access]


async def started(dut):
    dut.window__acknowledge.value = 0
    bus = Bus(dut)
    await start(dut)
    return bus


@cocotb.test()
async def constants_are_read_and_cannot_be_written(dut):
    bus = await started(dut)
    for name, word in bench_parameters()["constants"].items():
        address = REGISTERS[name].address
        assert await bus.access(address) == word
        assert await bus.access(address, 5) is None
        assert await bus.access(address) == word


@cocotb.test()
async def rules_start_at_their_reset_values_and_are_kept(dut):
    generator = random.Random(cocotb.RANDOM_SEED)
    bus = await started(dut)
    for register in registers(Access.READ_WRITE):
        assert await bus.access(register.address) == register.reset
        word = generator.getrandbits(32)
        assert await bus.access(register.address, word) is not None
        expected = word % (1 << register.width)
        assert await bus.access(register.address) == expected
        if register.name == "state_memory":
            assert dut.window__memory.value == expected
        else:
            assert getattr(dut, register.name).value == expected


@cocotb.test()
async def inputs_are_read_and_cannot_be_written(dut):
    bus = await started(dut)
    for register in registers(Access.READ_ONLY):
        if not register.name.startswith("busy_cycles"):
            for word in (0, (1 << register.width) - 1):
                getattr(dut, register.name).value = word
                assert await bus.access(register.address) == word
        assert await bus.access(register.address, 1) is None


@cocotb.test()
async def low_word_holds_the_high_word(dut):
    bus = await started(dut)
    dut.busy_cycles.value = 0x0000_0001_FFFF_FFFF
    assert await bus.access(REGISTERS["busy_cycles_low"].address) == 0xFFFF_FFFF
    dut.busy_cycles.value = 0x0000_0002_0000_0000
    assert await bus.access(REGISTERS["busy_cycles_high"].address) == 1


@cocotb.test()
async def commands_and_shared_registers_strobe_once_per_write(dut):
    bus = await started(dut)
    written = []

    async def watch(pin):
        while True:
            await RisingEdge(dut.clk)
            if getattr(dut, f"{pin}__{'goto' if pin == 'window' else 'write'}").value == 1:
                data = getattr(dut, f"{pin}__{'row' if pin == 'window' else 'data'}")
                written.append(int(data.value))

    for register in registers(Access.COMMAND) + registers(Access.SHARED):
        watcher = cocotb.start_soon(watch("window" if register.name == "state_row"
                                          else register.name))
        if register.access == Access.SHARED:
            getattr(dut, f"{register.name}__ready").value = 1
        words = [1, 0, 1]
        for word in words:
            assert await bus.access(register.address, word) is not None
            if register.access == Access.SHARED:
                getattr(dut, f"{register.name}__value").value = 0x1234_5678
                assert await bus.access(register.address) == 0x1234_5678
            else:
                assert await bus.access(register.address) == 0
        await FallingEdge(dut.clk)
        watcher.cancel()
        assert written == words, register.name
        written.clear()


@cocotb.test()
async def window_answers_when_it_can(dut):
    bus = await started(dut)
    address = REGISTERS["state_data"].address

    async def window(cycles, word, error):
        while dut.window__strobe.value != 1:
            await FallingEdge(dut.clk)
        for _ in range(cycles):
            assert dut.window__strobe.value == 1 and dut.bus__acknowledge.value == 0
            await FallingEdge(dut.clk)
        dut.window__acknowledge.value, dut.window__error.value = 1, error
        dut.window__read_data.value = word
        await FallingEdge(dut.clk)
        dut.window__acknowledge.value = 0
        await ReadOnly()
        assert dut.window__strobe.value == 0

    for cycles in (0, 1, 9):
        cocotb.start_soon(window(cycles, 77 + cycles, 0))
        assert await bus.access(address) == 77 + cycles
        cocotb.start_soon(window(cycles, 0, 1))
        assert await bus.access(address, 3) is None


@cocotb.test()
async def other_addresses_are_refused(dut):
    bus = await started(dut)
    used = {register.address for register in REGISTERS}
    for address in [*(set(range(130)) - used), 0x8000, 0xFFFF]:
        assert await bus.access(address) is None
        assert await bus.access(address, 1) is None


@cocotb.test()
async def write_to_a_shared_register_waits_until_its_keeper_is_ready(dut):
    bus = await started(dut)
    for register in registers(Access.SHARED):
        ready = getattr(dut, f"{register.name}__ready")
        write = getattr(dut, f"{register.name}__write")
        ready.value = 0
        writing = cocotb.start_soon(bus.access(register.address, 77))
        for _ in range(20):
            await FallingEdge(dut.clk)
            assert write.value == 0 and not writing.done()
        ready.value = 1
        await ReadOnly()
        assert write.value == 1 and getattr(dut, f"{register.name}__data").value == 77
        assert await writing is not None
