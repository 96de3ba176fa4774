// The virtual board: a verilated System between a pseudo-terminal and its wire.
//
// Compiled with WIRE_UART (bit-level 8N1 on the pins) or WIRE_BYTES (one byte per clock), and UART_DIVISOR, the clocks per bit;
// with MEMORY_WORDS, the 16-bit words of the board's memory, if it has one.
//
// Standard output: first the path of the serial port, then one line of JSON for each line that
// comes on standard input: clock cycles simulated, the seconds that took, and the processor's
// seconds that the program used. The end of standard input, which is also what the death of the
// parent looks like, ends the program.

#include <algorithm>
#include <cerrno>
#include <chrono>
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <ctime>
#include <fcntl.h>
#include <memory>
#include <poll.h>
#include <termios.h>
#include <unistd.h>

#include "Vsystem.h"
#include "verilated.h"

namespace {

// Clock cycles between two looks at the pseudo-terminal.
constexpr int kBurst = 512;

// The clock stops once the machine was idle, and no byte moved, for so many cycles: longer than
// any control transaction takes, so nothing can be under way.
constexpr uint64_t kQuiet = 20000;

[[noreturn]] void fail(const char* what) {
    std::fprintf(stderr, "%s: %s\n", what, std::strerror(errno));
    std::exit(EXIT_FAILURE);
}

// A first-in first-out queue of bytes, filled from and emptied to a file descriptor.
class ByteQueue {
public:
    bool empty() const { return head_ == tail_; }
    bool full() const { return room() == 0; }
    size_t room() const { return kSize - (tail_ - head_); }
    uint8_t front() const { return bytes_[head_ % kSize]; }
    void pop() { ++head_; }
    void push(uint8_t byte) { bytes_[tail_++ % kSize] = byte; }

    // Read what is there and fits, without waiting.
    void fill(int descriptor) {
        if (full()) return;
        const size_t start = tail_ % kSize;
        const ssize_t count = read(descriptor, bytes_ + start, std::min(room(), kSize - start));
        if (count > 0) tail_ += count;
        else if (count < 0 && errno != EAGAIN && errno != EINTR) fail("reading the serial port");
    }

    // Write what the descriptor takes, without waiting.
    void drain(int descriptor) {
        while (!empty()) {
            const size_t start = head_ % kSize;
            const ssize_t count = write(descriptor, bytes_ + start,
                                        std::min(tail_ - head_, kSize - start));
            if (count < 0) {
                if (errno != EAGAIN && errno != EINTR) fail("writing the serial port");
                return;
            }
            head_ += count;
        }
    }

private:
    static constexpr size_t kSize = 1 << 16;
    uint8_t bytes_[kSize];
    size_t head_ = 0, tail_ = 0;
};

#if defined(WIRE_BYTES)

class Wire {
public:
    Wire(Vsystem& board, ByteQueue& in, ByteQueue& out) : board_(board), in_(in), out_(out) {}

    // Called before each clock edge, with the outputs settled; true if a byte moved.
    bool move() {
        if (board_.tx_valid) out_.push(board_.tx_payload);
        board_.rx_valid = board_.rx_ready && !in_.empty();
        if (board_.rx_valid) {
            board_.rx_payload = in_.front();
            in_.pop();
        }
        return board_.rx_valid || board_.tx_valid;
    }

private:
    Vsystem& board_;
    ByteQueue& in_;
    ByteQueue& out_;
};

#elif defined(WIRE_UART)

class Wire {
public:
    Wire(Vsystem& board, ByteQueue& in, ByteQueue& out) : board_(board), in_(in), out_(out) {}

    // Called before each clock edge, with the outputs settled; true if a byte is on the move.
    bool move() {
        const bool sends = send(), receives = receive();
        return sends || receives;
    }

private:
    bool send() {
        if (sending_ == 0 && !in_.empty()) {
            send_bits_ = in_.front() << 1 | 1 << 9;
            sending_ = 10 * UART_DIVISOR;
            in_.pop();
        }
        board_.rx = 1;
        if (sending_ == 0) return false;
        --sending_;
        board_.rx = send_bits_ >> (9 - sending_ / UART_DIVISOR) & 1;
        return true;
    }

    bool receive() {
        if (receiving_ == 0) {
            if (board_.tx) return false;
            // To the middle of the stop bit, having seen the start bit's first clock.
            receiving_ = 9 * UART_DIVISOR + UART_DIVISOR / 2;
            return true;
        }
        --receiving_;
        if (receiving_ % UART_DIVISOR == 0) {
            receive_bits_ = receive_bits_ >> 1 | board_.tx << 9;
            if (receiving_ == 0 && board_.tx) out_.push(receive_bits_ >> 1);
        }
        return true;
    }

    Vsystem& board_;
    ByteQueue& in_;
    ByteQueue& out_;
    int sending_ = 0, receiving_ = 0;       // clocks left
    unsigned send_bits_ = 0, receive_bits_ = 0;
};

#else
#error "define WIRE_UART or WIRE_BYTES"
#endif

#if defined(MEMORY_WORDS)

// The board's memory for samples. Pages that are never used take no room.
class Memory {
public:
    explicit Memory(Vsystem& board)
        : board_(board), words_(static_cast<uint16_t*>(std::calloc(MEMORY_WORDS, 2)), std::free) {
        if (!words_) fail("reserving the board's memory");
    }

    // Called before each clock edge, with the outputs settled.
    void move() {
        if (board_.memory_write) words_.get()[board_.memory_address] = board_.memory_data;
        if (board_.memory_read) board_.memory_word = words_.get()[board_.memory_address];
    }

private:
    Vsystem& board_;
    std::unique_ptr<uint16_t, decltype(&std::free)> words_;
};

#else

class Memory {
public:
    explicit Memory(Vsystem&) {}
    void move() {}
};

#endif

// A pseudo-terminal in raw mode. Its own hold on the port keeps it alive between two hosts.
int open_port() {
    const int master = posix_openpt(O_RDWR | O_NOCTTY);
    if (master < 0 || grantpt(master) || unlockpt(master)) fail("opening a pseudo-terminal");
    const char* path = ptsname(master);
    if (!path) fail("naming the pseudo-terminal");
    const int slave = open(path, O_RDWR | O_NOCTTY);
    termios settings;
    if (slave < 0 || tcgetattr(slave, &settings)) fail("opening the serial port");
    cfmakeraw(&settings);
    if (tcsetattr(slave, TCSANOW, &settings)) fail("setting the serial port");
    if (fcntl(master, F_SETFL, O_NONBLOCK)) fail("setting the pseudo-terminal");
    std::printf("%s\n", path);
    std::fflush(stdout);
    return master;
}

}  // namespace

int main() {
    auto context = std::make_unique<VerilatedContext>();
    auto board = std::make_unique<Vsystem>(context.get());
    auto in = std::make_unique<ByteQueue>(), out = std::make_unique<ByteQueue>();
    Wire wire(*board, *in, *out);
    Memory memory(*board);

    uint64_t cycles = 0, quiet = 0;
    board->eval();
    // An evaluation is a cycle: the board is clocked by both edges.
    auto burst = [&](int length) {
        for (int cycle = 0; cycle < length; ++cycle) {
            quiet = wire.move() || !board->idle ? 0 : quiet + 1;
            memory.move();
            board->clk ^= 1;
            board->eval();
        }
        cycles += length;
    };
    const int port = open_port();
    std::chrono::duration<double> busy{0};
    for (;;) {
        // The clock also stops while nobody takes what was sent, rather than lose a byte.
        const bool runs = (!in->empty() || quiet <= kQuiet) && out->room() >= kBurst;
        pollfd events[] = {
            {STDIN_FILENO, POLLIN, 0},
            {port, static_cast<short>((in->full() ? 0 : POLLIN) | (out->empty() ? 0 : POLLOUT)), 0},
        };
        if (poll(events, 2, runs ? 0 : -1) < 0 && errno != EINTR) fail("waiting");
        if (events[0].revents) {
            char line[256];
            const ssize_t count = read(STDIN_FILENO, line, sizeof line);
            if (count == 0 || (count < 0 && errno != EINTR)) return EXIT_SUCCESS;
            for (ssize_t index = 0; index < count; ++index)
                if (line[index] == '\n')
                    std::printf("{\"cycles\": %llu, \"seconds\": %.6f, "
                                "\"processor_seconds\": %.6f}\n",
                                static_cast<unsigned long long>(cycles), busy.count(),
                                static_cast<double>(std::clock()) / CLOCKS_PER_SEC);
            std::fflush(stdout);
        }
        if (events[1].revents & POLLIN) in->fill(port);
        if (runs) {
            const auto start = std::chrono::steady_clock::now();
            burst(kBurst);
            busy += std::chrono::steady_clock::now() - start;
        }
        out->drain(port);
    }
}
