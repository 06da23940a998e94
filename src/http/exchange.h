#pragma once

#include <cstdint>
#include <optional>
#include <string>

#include <hikyaku/http/server.h>

#include "core.h"
#include "spool_file.h"
#include "wire.h"

namespace hikyaku::http
{

/// A part of the memory all bodies share; gives it back when it goes. I/O thread only.
class body_memory_share
{
public:
    explicit body_memory_share(core& shared) noexcept : core_(shared) {}
    ~body_memory_share() { core_.body_memory -= size_; }
    body_memory_share(const body_memory_share&) = delete;
    body_memory_share& operator=(const body_memory_share&) = delete;

    /// @returns false when server_options::body_memory_max would be exceeded
    [[nodiscard]] bool take(std::size_t size) noexcept
    {
        if (core_.options.body_memory_max - core_.body_memory < size)
        {
            return false;
        }
        core_.body_memory += size;
        size_ += size;
        return true;
    }

private:
    core& core_;
    std::size_t size_ = 0;
};

/// One request and its answer. Lives in session::serve; jobs borrow it while serve waits.
/// Invariant: once `answer` is set nothing more is read and no handler runs.
struct exchange
{
    exchange(core& shared, message_head h, mono_time now)
        : head(std::move(h)), begun(now), memory(shared)
    {
    }
    /// Removes the spooled file unless the handler took it away.
    ~exchange();
    exchange(const exchange&) = delete;
    exchange& operator=(const exchange&) = delete;

    message_head head;
    mono_time begun;
    body_memory_share memory;
    request req;
    const route* routed = nullptr;
    spool_file spool;
    std::optional<response> answer;
    bool body_read = false;
    bool hook_ran = false;
    /// The connection failed: nobody is there to answer.
    bool broken = false;
};

/// The problem for what the server itself refuses.
[[nodiscard]] response make_refusal(unsigned status, std::string_view code,
                                    std::string_view detail);

/// Checks target, method, route and body against the route's options.
/// @post x.answer is set when the request is refused, otherwise x.routed
void admit(exchange& x, const listener& from);

/// Runs the before hook; what it answers, or a 500 for what it throws, becomes x.answer.
void run_hook(exchange& x, const service& serves) noexcept;
/// Runs the handler unless there is an answer.
/// @post x.answer is set
void run_handler(exchange& x) noexcept;

} // namespace hikyaku::http
