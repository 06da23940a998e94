#include "options.h"

#include <charconv>
#include <cstdio>
#include <cstdlib>
#include <string_view>

namespace hikyaku::sink
{

namespace
{

constexpr const char* usage_text =
    R"(usage: sink --listen ADDRESS:PORT [--listen ...] [options]
An SMTP receiver for tests and benchmarks. It serves loopback addresses only; ADDRESS may
be 0.0.0.0 to take all of 127/8. Port 0 is a free port. Prints "listening ADDRESS:PORT".
  --same-port              endpoints with port 0 all get the same free port
  --threads N              workers (1)
  --host NAME              name in the greeting (sink.test)
  --size N                 SIZE limit in bytes
  --tls CERT KEY           offer STARTTLS with these PEM files
  --chunking               offer CHUNKING
  --no-pipelining --no-8bitmime --no-smtputf8
  --strict                 look for protocol violations and count them
  --distinct               count distinct recipients and repeated ones
  --record FILE            append a line for each recipient of each message that ends:
                           ending, recipient, Message-ID, bytes, SHA-256, local address,
                           session, sender, tls|plain, milliseconds (tab-separated)
  --record-sync none|write|fsync   before the reply (none)
  --record-sha256          fill the SHA-256 column (of the un-stuffed message)
  --sample N DIR           write every N-th message to DIR/NUMBER.eml with NUMBER.json
  --sample-wire            and its exact octets to NUMBER.wire
  --fault STAGE:CODE:WHEN[:TEXT]   answer CODE; WHEN is a probability or a glob of recipients
  --close-at POINT:WHEN    close without an answer
  --reset-at POINT:WHEN    close with a TCP reset
  --stall-at POINT:WHEN    never answer again
  --delay POINT:MS[:WHEN]  answer later        --delay-dot MS   the same at the final dot
      points: banner ehlo starttls mail rcpt data body dot after quit
  --greylist               451 for the first try of each recipient
  --max-messages-per-connection N  421 at the next MAIL
  --max-connections N      421 to connections over N
  --no-prefix-faults       do not obey local parts such as bounce-, defer-, drop-dot-
  --seed N                 of the probabilities (1)
  --control PATH           Unix socket: stats, reset, flush, clear, fault SPEC, close-at SPEC,
                           reset-at SPEC, stall-at SPEC, delay SPEC
  --die-with-parent        end when the parent process ends
SIGUSR1 prints the summary as JSON; SIGTERM and SIGINT print it and end.
)";

[[noreturn]] void fail(std::string_view why, std::string_view what)
{
    std::fprintf(stderr, "sink: %.*s: %.*s\n%s", static_cast<int>(why.size()), why.data(),
                 static_cast<int>(what.size()), what.data(), usage_text);
    std::exit(2);
}

class arguments
{
public:
    arguments(int argc, char** argv) : at_(argv + 1), end_(argv + argc) {}
    [[nodiscard]] bool empty() const { return at_ == end_; }
    std::string_view take()
    {
        if (empty())
        {
            fail("value missing after", last_);
        }
        last_ = *at_++;
        return last_;
    }
    std::uint64_t take_number()
    {
        const auto text = take();
        std::uint64_t value = 0;
        const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
        if (error != std::errc{} || end != text.data() + text.size())
        {
            fail("not a number", text);
        }
        return value;
    }

private:
    char** at_;
    char** end_;
    std::string_view last_;
};

endpoint read_endpoint(std::string_view text)
{
    const auto colon = text.rfind(':');
    unsigned port = 0;
    if (colon == std::string_view::npos ||
        std::from_chars(text.data() + colon + 1, text.data() + text.size(), port).ptr !=
            text.data() + text.size() ||
        port > 65535)
    {
        fail("not ADDRESS:PORT", text);
    }
    auto address = text.substr(0, colon);
    if (address.starts_with('[') && address.ends_with(']'))
    {
        address = address.substr(1, address.size() - 2);
    }
    return {std::string(address), static_cast<std::uint16_t>(port)};
}

void require(bool good, std::string_view spec)
{
    if (!good)
    {
        fail("not a fault", spec);
    }
}

bool read_flag(options& into, std::string_view name)
{
    struct row
    {
        std::string_view name;
        bool options::* field;
        bool value;
    };
    constexpr row rows[] = {
        {"--same-port", &options::same_port, true},
        {"--no-pipelining", &options::pipelining, false},
        {"--no-8bitmime", &options::eight_bit, false},
        {"--no-smtputf8", &options::utf8, false},
        {"--chunking", &options::chunking, true},
        {"--strict", &options::strict, true},
        {"--distinct", &options::distinct, true},
        {"--greylist", &options::greylist, true},
        {"--no-prefix-faults", &options::prefix_faults, false},
        {"--die-with-parent", &options::die_with_parent, true},
    };
    for (const row& each : rows)
    {
        if (each.name == name)
        {
            into.*each.field = each.value;
            return true;
        }
    }
    return false;
}

bool read_fault(options& into, std::string_view name, arguments& from)
{
    if (name == "--fault")
    {
        const auto spec = from.take();
        require(into.faults.add_reply(spec), spec);
    }
    else if (name == "--close-at" || name == "--reset-at" || name == "--stall-at")
    {
        const auto what = name == "--close-at"   ? deed::close
                          : name == "--reset-at" ? deed::reset
                                                 : deed::stall;
        const auto spec = from.take();
        require(into.faults.add_deed(what, spec), spec);
    }
    else if (name == "--delay")
    {
        const auto spec = from.take();
        require(into.faults.add_delay(spec), spec);
    }
    else if (name == "--delay-dot")
    {
        const auto spec = "dot:" + std::string(from.take());
        require(into.faults.add_delay(spec), spec);
    }
    else
    {
        return false;
    }
    return true;
}

record_sync read_sync(std::string_view text)
{
    if (text == "none")
    {
        return record_sync::none;
    }
    if (text == "write")
    {
        return record_sync::write;
    }
    if (text == "fsync")
    {
        return record_sync::fsync;
    }
    fail("not none, write or fsync", text);
}

bool read_record(options& into, std::string_view name, arguments& from)
{
    if (name == "--record")
    {
        into.record.record_path = from.take();
    }
    else if (name == "--record-sync")
    {
        into.record.sync = read_sync(from.take());
    }
    else if (name == "--record-sha256")
    {
        into.record.sha256 = true;
    }
    else if (name == "--sample")
    {
        into.record.sample_every = from.take_number();
        into.record.sample_dir = from.take();
    }
    else if (name == "--sample-wire")
    {
        into.record.sample_wire = true;
    }
    else
    {
        return false;
    }
    return true;
}

void read_value(options& into, std::string_view name, arguments& from)
{
    if (name == "--listen")
    {
        into.listen.push_back(read_endpoint(from.take()));
    }
    else if (name == "--threads")
    {
        into.threads = static_cast<unsigned>(from.take_number());
    }
    else if (name == "--host")
    {
        into.host = from.take();
    }
    else if (name == "--size")
    {
        into.size_max = from.take_number();
    }
    else if (name == "--tls")
    {
        into.tls_certificate = from.take();
        into.tls_key = from.take();
    }
    else if (name == "--max-messages-per-connection")
    {
        into.messages_per_connection_max = from.take_number();
    }
    else if (name == "--max-connections")
    {
        into.connections_max = from.take_number();
    }
    else if (name == "--seed")
    {
        into.seed = from.take_number();
    }
    else if (name == "--control")
    {
        into.control = from.take();
    }
    else
    {
        fail("unknown option", name);
    }
}

} // namespace

options read_options(int argc, char** argv)
{
    options wanted;
    arguments from(argc, argv);
    while (!from.empty())
    {
        const auto name = from.take();
        if (name == "--help")
        {
            std::fputs(usage_text, stdout);
            std::exit(0);
        }
        if (!read_flag(wanted, name) && !read_fault(wanted, name, from) &&
            !read_record(wanted, name, from))
        {
            read_value(wanted, name, from);
        }
    }
    constexpr unsigned threads_max = 64;
    if (wanted.listen.empty() || wanted.threads == 0 || wanted.threads > threads_max)
    {
        fail("needed", "at least one --listen, and 1 to 64 --threads");
    }
    return wanted;
}

} // namespace hikyaku::sink
