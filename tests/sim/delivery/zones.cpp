#include "zones.h"

#include <hikyaku/resolver/asio_address.h>

#include <boost/asio/post.hpp>

#include <algorithm>

namespace hikyaku::sim
{

class zone_resolver final : public resolver::mx_resolver
{
public:
    zone_resolver(zones& world, asio::io_context& context) : world_(world), context_(context) {}

    void resolve_mx(std::string_view domain, mx_callback done) override
    {
        const auto in = world_.random_.between(milliseconds{1}, milliseconds{200});
        world_.time_.after(in,
                           [this, domain = std::string(domain), done = std::move(done),
                            weak = std::weak_ptr<int>(alive_)]() mutable
                           {
                               if (weak.expired())
                               {
                                   return;
                               }
                               auto answer =
                                   std::make_shared<const dns::mx_answer>(world_.answer(domain));
                               asio::post(context_, [done = std::move(done), answer, weak]
                                          { weak.expired() ? void() : done(answer); });
                           });
    }
    result<void, failure> reload(std::vector<std::string>) override { return {}; }
    void clear_cache() override {}

private:
    zones& world_;
    asio::io_context& context_;
    std::shared_ptr<int> alive_ = std::make_shared<int>(0);
};

std::unique_ptr<resolver::mx_resolver> zones::make_resolver(asio::io_context& context)
{
    return std::make_unique<zone_resolver>(*this, context);
}

const zone_state& zones::now(const std::string& domain) const
{
    const auto& states = zones_.at(domain);
    const auto after = std::find_if(states.begin() + 1, states.end(), [&](const zone_state& s)
                                    { return s.from > time_.since_start(); });
    return *(after - 1);
}

dns::mx_answer zones::answer(const std::string& domain) const
{
    const auto& z = now(domain);
    dns::mx_answer a;
    a.domain = domain;
    a.status = z.status;
    a.ttl = z.ttl;
    if (z.status != dns::lookup_status::ok)
    {
        a.reason = std::string("simulated ") + dns::lookup_status_name(z.status);
        return a;
    }
    for (const auto& host : peers_.sites().at(z.site).hosts)
    {
        a.hosts.push_back({host, 10, {resolver::from_asio(peers_.address_of(host))}});
    }
    std::rotate(a.hosts.begin(),
                a.hosts.begin() + static_cast<std::ptrdiff_t>(random_.below(a.hosts.size())),
                a.hosts.end());
    a.site = z.site;
    return a;
}

} // namespace hikyaku::sim
