#pragma once

#include <string>
#include <vector>

#include <hikyaku/identity/domain_watch.h>

namespace hikyaku::app
{

/// Asks all questions at once with an event loop of its own (the engine's resolver belongs to its
/// thread), and waits for the answers. Any thread.
/// @returns one answer per question; `failed` where there was none within `timeout`, or `stop` said
///          so before
[[nodiscard]] identity::dns_access::answers
ask_all(const std::vector<std::string>& servers, const identity::dns_access::questions& questions,
        milliseconds timeout, const identity::dns_access::stop_predicate& stop);

/// The same of each server on its own, one after the other.
[[nodiscard]] std::vector<identity::dns_access::answers>
ask_each(const std::vector<std::string>& servers, const identity::dns_access::questions& questions,
         milliseconds timeout, const identity::dns_access::stop_predicate& stop);

} // namespace hikyaku::app
