#pragma once

#include <string>
#include <string_view>

#include "command_context.h"

namespace hikyaku::cli
{

struct submit_options
{
    std::string file;
    bool follow = false;
    bool draft = false;
    /// Empty: derived_key().
    std::string idempotency_key;
};

/// SHA-256 over the file's name (without folders) and its content, in hex: the same file submitted
/// again is the same campaign.
[[nodiscard]] std::string derived_key(const std::string& file, std::string_view content);

/// Creates a campaign, starts it and follows it, as the options say.
[[nodiscard]] int submit_campaign(command_context& ctx, const submit_options& o);

} // namespace hikyaku::cli
