"""The UART receives and sends 8N1, from 4 clocks per bit up."""

# The first line is for components that refuse their parameters and are never elaborated.

from pathlib import Path

import pytest
from amaranth.hdl import Module
from amaranth.lib import stream, wiring
from amaranth.lib.wiring import In, Out
from bench import run_bench

from crosswall_hdl.link.uart import UartReceiver, UartTransmitter, divisor_for


class UartPair(wiring.Component):
    """A receiver and a transmitter side by side."""

    rx: In(1, init=1)
    tx: Out(1, init=1)
    received: Out(stream.Signature(8))
    to_send: In(stream.Signature(8))

    def __init__(self, divisor: int) -> None:
        self.divisor = divisor
        super().__init__()

    def elaborate(self, platform: object) -> Module:
        m = Module()
        m.submodules.receiver = receiver = UartReceiver(divisor=self.divisor)
        m.submodules.transmitter = transmitter = UartTransmitter(divisor=self.divisor)
        m.d.comb += [receiver.rx.eq(self.rx), self.tx.eq(transmitter.tx)]
        wiring.connect(m, receiver.bytes, wiring.flipped(self.received))
        wiring.connect(m, wiring.flipped(self.to_send), transmitter.bytes)
        return m


# 12 Mbaud from 48 and from 60 MHz.
@pytest.mark.parametrize("divisor", [4, 5])
def test_uart(divisor, simulator, tmp_path):
    run_bench(UartPair(divisor), Path(__file__).with_name("uart_bench.py"), simulator=simulator,
              build_dir=tmp_path, parameters={"divisor": divisor})


def test_divisor_is_rounded_and_checked():
    assert divisor_for(12e6, 3e6) == 4
    assert divisor_for(25e6, 115200) == 217
    assert (divisor_for(48e6, 12e6), divisor_for(60e6, 12e6)) == (4, 5)
    with pytest.raises(ValueError, match="at most clock / 4"):
        divisor_for(12e6, 4e6)
    with pytest.raises(ValueError, match="within 2.5 %"):
        divisor_for(13.5e6, 3e6)
    with pytest.raises(ValueError, match="at least 4"):
        UartReceiver(divisor=3)
