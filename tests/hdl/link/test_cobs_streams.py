"""The COBS streams agree with the `cobs` package."""

from pathlib import Path

from amaranth.hdl import Module
from amaranth.lib import stream, wiring
from amaranth.lib.wiring import In, Out
from bench import run_bench

from crosswall_hdl.bus import PacketSignature
from crosswall_hdl.link.cobs import DECODED_SHAPE, CobsDecoder, CobsEncoder


class CobsPair(wiring.Component):
    """An encoder and a decoder side by side."""

    packet: In(PacketSignature)
    encoded: Out(stream.Signature(8))
    wire: In(stream.Signature(8))
    frame: Out(stream.Signature(DECODED_SHAPE))

    def elaborate(self, platform: object) -> Module:
        m = Module()
        m.submodules.encoder = encoder = CobsEncoder()
        m.submodules.decoder = decoder = CobsDecoder()
        wiring.connect(m, wiring.flipped(self.packet), encoder.packet)
        wiring.connect(m, encoder.wire, wiring.flipped(self.encoded))
        wiring.connect(m, wiring.flipped(self.wire), decoder.wire)
        wiring.connect(m, decoder.frame, wiring.flipped(self.frame))
        return m


def test_cobs_streams(simulator, tmp_path):
    run_bench(CobsPair(), Path(__file__).with_name("cobs_bench.py"), simulator=simulator,
              build_dir=tmp_path)
