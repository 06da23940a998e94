// The server side of one SMTP session: octets in, octets out, no sockets.
#pragma once

#include "body_scanner.h"
#include "counters.h"
#include "fault_plan.h"
#include "options.h"
#include "plan_holder.h"
#include "recorder.h"
#include "seen_set.h"

#include <chrono>
#include <cstdint>
#include <memory>
#include <random>
#include <string>
#include <string_view>
#include <vector>

namespace hikyaku::sink
{

/// What all workers share.
struct common
{
    common(const options& o, recorder& r)
        : wanted(o), record(r), plan(std::make_shared<const fault_plan>(o.faults))
    {
    }

    const options& wanted;
    recorder& record;
    seen_set distinct;
    seen_set tried;
    plan_holder plan;
    std::atomic<std::uint64_t> sessions_open = 0;
    std::atomic<std::uint64_t> sessions_peak = 0;
    std::atomic<std::uint64_t> session_next = 1;
};

/// What the sessions of one worker share.
struct worker_state
{
    common& all;
    counters count;
    std::mt19937_64 random;
};

/// What the driver must do after a call, once the output is sent.
enum class step : std::uint8_t
{
    more,      ///< read on
    pause,     ///< wait for `delay`, then call consume again
    start_tls, ///< do the handshake, then call tls_started
    close,     ///< close in order: the client shall see the last reply
    drop,      ///< close at once
    reset,     ///< close at once with a TCP reset
    stall      ///< keep the connection, never answer
};

struct progress
{
    step what = step::more;
    std::chrono::milliseconds delay{0};
};

/// One session. Not thread-safe; `worker` outlives it.
class session
{
public:
    session(worker_state& worker, std::string local, std::string peer);

    /// Appends the greeting to `out`, or what a fault rule wants instead.
    [[nodiscard]] progress greet(std::string& out);
    /// Takes octets from the front of `in` and appends replies to `out`. Whatever remains in
    /// `in` must be given again. Stops early unless the step is `more`.
    [[nodiscard]] progress consume(std::string_view& in, std::string& out);
    /// The handshake ended well: all knowledge of the client is forgotten (RFC 3207 4.2).
    void tls_started();

private:
    enum class state : std::uint8_t
    {
        command, ///< command lines
        body,    ///< message data up to the final dot
        chunk,   ///< the octets of one BDAT
    };
    static constexpr std::size_t command_bytes_max = 4096;
    static constexpr std::size_t head_bytes_max = 16 * 1024;
    static constexpr std::size_t recipients_max = 1000;

    [[nodiscard]] progress take_command(std::string_view& in, std::string& out);
    [[nodiscard]] progress take_body(std::string_view& in, std::string& out);
    [[nodiscard]] progress take_chunk(std::string_view& in, std::string& out);
    [[nodiscard]] progress obey(std::string_view line, std::string_view rest, std::string& out);
    [[nodiscard]] progress on_ehlo(std::string_view name, std::string& out);
    [[nodiscard]] progress on_mail(std::string_view arguments, std::string& out);
    [[nodiscard]] progress on_rcpt(std::string_view arguments, std::string& out);
    [[nodiscard]] progress on_data(std::string_view rest, std::string& out);
    [[nodiscard]] progress on_bdat(std::string_view arguments, std::string& out);
    [[nodiscard]] progress on_starttls(std::string_view rest, std::string& out);
    [[nodiscard]] progress end_message(std::string& out);

    [[nodiscard]] decision decide(point at);
    [[nodiscard]] decision decide_for(std::string_view recipient);
    [[nodiscard]] progress conclude(const decision& d, std::string_view reply, std::string& out,
                                    step then = step::more);
    [[nodiscard]] progress answer(std::string_view reply, std::string& out, step then = step::more);
    [[nodiscard]] progress out_of_order(std::string_view reply, std::string& out);
    void start_body(bool stuffed);
    void capture(std::string_view piece);
    void record(ending how);
    void count_accepted();
    void reset_transaction();
    void report(violation what)
    {
        if (worker_.all.wanted.strict)
        {
            worker_.count.add(what);
        }
    }
    [[nodiscard]] counters* strict_counters()
    {
        return worker_.all.wanted.strict ? &worker_.count : nullptr;
    }

    worker_state& worker_;
    std::string local_;
    std::string peer_;
    std::uint64_t number_;
    plan_holder::plan_ptr plan_;
    std::uint64_t plan_version_ = 0;
    state state_ = state::command;
    std::string partial_; ///< an unfinished command line
    std::string helo_;
    bool tls_ = false;
    std::uint64_t messages_ = 0;

    // A reply that a delay holds back.
    bool holding_ = false;
    bool greeting_ = false;
    std::string held_reply_;
    step held_step_ = step::more;

    // The transaction.
    bool has_sender_ = false;
    bool excused_ = false; ///< MAIL was refused: what was pipelined behind it is not a violation
    std::string sender_;
    std::string parameters_;
    std::vector<std::string> recipients_;
    const prefix_fault* later_ = nullptr; ///< what a recipient asked for at a later point
    std::string later_recipient_;

    // The message.
    body_scanner scanner_{nullptr};
    bool body_begun_ = false;
    bool stuffed_ = true;
    bool whole_ = false;
    std::uint64_t message_bytes_ = 0;
    std::uint64_t chunk_left_ = 0;
    bool chunk_last_ = false;
    std::string wire_;
};

} // namespace hikyaku::sink
