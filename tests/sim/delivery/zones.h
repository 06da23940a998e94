#pragma once

#include <map>
#include <memory>
#include <string>
#include <vector>

#include "peers.h"

#include <hikyaku/resolver/mx_resolver.h>

namespace hikyaku::sim
{

/// What DNS says about a domain from a moment on.
struct zone_state
{
    milliseconds from{};
    dns::lookup_status status = dns::lookup_status::ok;
    /// Name of the site its MX hosts make up.
    std::string site;
    std::chrono::seconds ttl{60};
};

/// The DNS of the simulated world.
class zones
{
public:
    zones(virtual_time& time, seeded_random& random, const peers& p)
        : time_(time), random_(random), peers_(p)
    {
    }
    void add(const std::string& domain, zone_state s) { zones_[domain].push_back(std::move(s)); }
    [[nodiscard]] std::unique_ptr<resolver::mx_resolver> make_resolver(asio::io_context& context);
    [[nodiscard]] const zone_state& last(const std::string& domain) const
    {
        return zones_.at(domain).back();
    }
    [[nodiscard]] const zone_state& now(const std::string& domain) const;

private:
    friend class zone_resolver;
    [[nodiscard]] dns::mx_answer answer(const std::string& domain) const;

    virtual_time& time_;
    seeded_random& random_;
    const peers& peers_;
    std::map<std::string, std::vector<zone_state>> zones_;
};

} // namespace hikyaku::sim
