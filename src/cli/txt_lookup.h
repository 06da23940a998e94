#pragma once

#include <string>
#include <vector>

#include <hikyaku/base/random.h>
#include <hikyaku/base/result.h>
#include <hikyaku/base/time.h>

#include "dns_servers.h"

namespace hikyaku::cli
{

enum class txt_status
{
    found,
    /// The name, or its TXT record, does not exist.
    not_found,
    /// No usable answer in time.
    temporary,
};

struct txt_answer
{
    txt_status status = txt_status::temporary;
    /// Why nothing was found.
    std::string reason;
    /// One per record, its strings joined.
    std::vector<std::string> texts;
};

/// Asks for TXT records: UDP from a fresh port with a random id, TCP when the answer is cut.
/// For diagnostics only: blocking, no cache. One thread.
class txt_lookup
{
public:
    /// Waits this long for one server before the next one, or the same again, is asked.
    static constexpr milliseconds try_timeout{2'000};

    /// `timeout` is for one look_up, aliases included.
    txt_lookup(std::vector<dns_endpoint> servers, milliseconds timeout, random_source& random);

    /// @param name  "selector._domainkey.example.jp", ASCII
    [[nodiscard]] txt_answer look_up(const std::string& name);

private:
    std::vector<dns_endpoint> servers_;
    milliseconds timeout_;
    random_source& random_;
};

} // namespace hikyaku::cli
