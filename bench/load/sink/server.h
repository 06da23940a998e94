// The sink as a whole: listeners, workers, totals.
#pragma once

#include "worker.h"

#include <array>
#include <memory>
#include <mutex>
#include <string>
#include <string_view>
#include <vector>

namespace hikyaku::sink
{

/// Owns everything. `wanted` outlives it. Control calls come from one thread, the main one.
class server
{
public:
    /// Binds, loads the certificate and starts the workers.
    /// @throws std::system_error, std::runtime_error
    explicit server(const options& wanted);
    ~server();
    server(const server&) = delete;
    server& operator=(const server&) = delete;

    /// One "listening ADDRESS:PORT" line for each socket.
    [[nodiscard]] std::string listening_lines() const;
    /// The totals since the start or the last reset, as one line of JSON.
    [[nodiscard]] std::string summary();
    /// Obeys one line of the control socket. @returns the answer, one line.
    [[nodiscard]] std::string obey(std::string_view line);
    /// Ends all workers and writes out all records.
    void stop();

private:
    struct totals
    {
        std::array<std::uint64_t, tally_count> tallies{};
        std::array<std::uint64_t, violation_count> violations{};
        double cpu_s = 0;
    };
    struct tls_closer
    {
        void operator()(SSL_CTX* context) const { SSL_CTX_free(context); }
    };

    [[nodiscard]] totals add_up() const;
    [[nodiscard]] double elapsed_s() const;
    void reset();
    [[nodiscard]] bool change_plan(std::string_view verb, std::string_view spec);

    const options& wanted_;
    recorder record_;
    common all_;
    std::unique_ptr<SSL_CTX, tls_closer> tls_;
    std::vector<std::unique_ptr<listener>> listeners_;
    std::vector<std::unique_ptr<worker>> workers_;
    totals baseline_;
};

} // namespace hikyaku::sink
