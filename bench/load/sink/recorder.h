// Writes down what was received: record lines and sample files.
#pragma once

#include <atomic>
#include <cstdint>
#include <mutex>
#include <span>
#include <string>
#include <string_view>
#include <vector>

namespace hikyaku::sink
{

/// When a record line reaches the kernel or the disk.
enum class record_sync : std::uint8_t
{
    none,  ///< in blocks; all of it by the next summary
    write, ///< write(2) before the reply: exact when the sender is killed
    fsync  ///< and fsync(2): exact when the machine is
};

/// How a transaction ended at the final dot.
enum class ending : std::uint8_t
{
    accepted,  ///< 250 was given (or is about to be)
    refused,   ///< an error was given
    unanswered ///< the message came whole, no reply was given
};

/// One transaction that reached the final dot. Views live during the call only.
struct received
{
    ending how = ending::accepted;
    std::string_view sender;
    std::span<const std::string> recipients;
    std::string_view wire;       ///< as sent, dot-stuffed, with the final dot line; or its start
    std::uint64_t message_bytes; ///< as sent, final dot line excluded
    bool is_whole = false;       ///< `wire` is all of it
    bool is_stuffed = true;      ///< false for BDAT: no dots were stuffed, no dot line ends it
    bool tls = false;
    std::string_view parameters; ///< of MAIL FROM
    std::string_view helo;
    std::string_view local; ///< "address:port" the client connected to
    std::string_view peer;
    std::uint64_t session = 0;
};

/// Shared by all workers; thread-safe.
class recorder
{
public:
    struct options
    {
        std::string record_path;
        record_sync sync = record_sync::none;
        bool sha256 = false;
        std::uint64_t sample_every = 0;
        std::string sample_dir;
        bool sample_wire = false;
    };

    /// Opens the record file for appending. @throws std::system_error
    explicit recorder(options wanted);
    ~recorder();
    recorder(const recorder&) = delete;
    recorder& operator=(const recorder&) = delete;

    /// Must the next message be captured whole? Counts messages for `--sample`.
    [[nodiscard]] bool wants_whole();
    /// Must the head of each message be captured?
    [[nodiscard]] bool wants_head() const { return record_fd_ >= 0; }
    [[nodiscard]] bool is_idle() const { return record_fd_ < 0 && options_.sample_every == 0; }

    /// Writes the record lines and, for a whole message, its sample.
    /// A failed write ends the process: a sink that lies is worse than none.
    void add(const received& message);
    /// Hands all buffered lines to the kernel.
    void flush();

private:
    void write_record(const received& message, std::string_view plain);
    void write_sample(const received& message, std::string_view plain);

    options options_;
    int record_fd_ = -1;
    std::mutex mutex_;
    std::string pending_;
    std::atomic<std::uint64_t> seen_ = 0;
    std::atomic<std::uint64_t> samples_ = 0;
};

/// Takes the stuffing dots and the final dot line out of wire data.
[[nodiscard]] std::string unstuff(std::string_view wire);
/// The value of Message-ID in the header of `message`, or "-".
[[nodiscard]] std::string_view find_message_id(std::string_view message);

} // namespace hikyaku::sink
