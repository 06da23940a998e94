// The command line of the sink.
#pragma once

#include "fault_plan.h"
#include "recorder.h"

#include <cstdint>
#include <string>
#include <vector>

namespace hikyaku::sink
{

/// One `--listen ADDRESS:PORT`.
struct endpoint
{
    std::string address;
    std::uint16_t port = 0;
};

/// Everything the command line can say; see usage() in options.cpp.
struct options
{
    std::vector<endpoint> listen;
    bool same_port = false; ///< all endpoints with port 0 get the same free port
    unsigned threads = 1;
    std::string host = "sink.test";
    std::uint64_t size_max = 50 * 1024 * 1024;
    bool pipelining = true;
    bool eight_bit = true;
    bool utf8 = true;
    bool chunking = false;
    std::string tls_certificate;
    std::string tls_key;
    bool strict = false;
    bool distinct = false;
    bool greylist = false;
    bool prefix_faults = true;
    std::uint64_t messages_per_connection_max = 0;
    std::uint64_t connections_max = 0;
    std::uint64_t seed = 1;
    std::string control;
    bool die_with_parent = false;
    recorder::options record;
    fault_plan faults;
};

/// Parses the command line. Prints a message and exits with 2 when it is wrong.
[[nodiscard]] options read_options(int argc, char** argv);

} // namespace hikyaku::sink
