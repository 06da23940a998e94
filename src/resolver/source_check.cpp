#include <hikyaku/resolver/source_check.h>

#include <algorithm>
#include <utility>

#include <hikyaku/dns/name.h>

namespace hikyaku::resolver
{
namespace
{

constexpr std::string_view hex_digits = "0123456789abcdef";
constexpr std::uint8_t list_network = 127;
constexpr std::uint8_t list_error = 255;

/// The labels of an address, last byte (or nibble) first, each with its dot.
std::string reversed_labels(const dns::ip_address& address)
{
    std::string out;
    if (address.is_v4())
    {
        for (std::size_t i = 4; i > 0; --i)
        {
            out += std::to_string(address.bytes[i - 1]) + ".";
        }
        return out;
    }
    for (std::size_t i = address.bytes.size(); i > 0; --i)
    {
        const auto byte = address.bytes[i - 1];
        for (const unsigned nibble : {byte & 15U, static_cast<unsigned>(byte) >> 4})
        {
            out += hex_digits[nibble];
            out += '.';
        }
    }
    return out;
}

template <class Data> std::vector<Data> data_of(const dns::rrset& answer)
{
    std::vector<Data> out;
    for (const auto& r : answer.records)
    {
        if (const auto* data = std::get_if<Data>(&r.data))
        {
            out.push_back(*data);
        }
    }
    return out;
}

/// Nothing was learnt, as opposed to "there is none".
bool is_unknown(const dns::rrset& answer)
{
    return answer.status == dns::rrset_status::failed || answer.status == dns::rrset_status::follow;
}

dns::record_type family_type(const dns::ip_address& address)
{
    return address.is_v4() ? dns::record_type::a : dns::record_type::aaaa;
}

bool holds(const std::vector<dns::ip_address>& all, const dns::ip_address& one)
{
    return std::find(all.begin(), all.end(), one) != all.end();
}

std::string joined(const std::vector<std::string>& names)
{
    std::string out;
    for (const auto& n : names)
    {
        out += (out.empty() ? "" : ", ") + n;
    }
    return out;
}

/// Answers come from others: printing ASCII only, and bounded.
std::string printable(std::string text)
{
    std::replace_if(text.begin(), text.end(), [](char c) { return c < 0x20 || c > 0x7E; }, '?');
    text.resize(std::min(text.size(), source_detail_bytes_max));
    return text;
}

/// The checks of one source while they are under way.
struct run
{
    resolver& from;
    const clock& time;
    checked_source source;
    std::vector<source_finding> findings;

    void add(source_check_kind kind, const dns::ip_address* address, std::optional<bool> ok,
             std::string detail)
    {
        findings.push_back({source.name, kind, ok,
                            address == nullptr ? "" : dns::format_ip(*address),
                            printable(std::move(detail))});
    }
};

asio::awaitable<dns::rrset> ask(run& r, std::string name, dns::record_type type)
{
    auto canonical = dns::canonical_name(name);
    if (!canonical || canonical->empty())
    {
        dns::rrset none;
        none.status = dns::rrset_status::no_name;
        none.reason = name + " is not a name";
        co_return none;
    }
    const mono_time deadline = r.time.mono() + source_check_timeout;
    dns::rrset answer = co_await r.from.look_up(std::move(*canonical), type, deadline);
    co_return answer;
}

void add_wrong_ptr(run& r, const dns::ip_address& address, const dns::rrset& answer)
{
    if (is_unknown(answer))
    {
        r.add(source_check_kind::ptr, &address, std::nullopt, answer.reason);
        return;
    }
    r.add(source_check_kind::ptr, &address, false, "no PTR record at " + ptr_name(address));
}

/// Names of the address, in the order of the answer; nothing more is asked when there are none.
std::vector<std::string> take_ptr(run& r, const dns::ip_address& address, const dns::rrset& answer)
{
    std::vector<std::string> names;
    for (auto& p : data_of<dns::ptr_data>(answer))
    {
        names.push_back(std::move(p.target));
    }
    std::sort(names.begin(), names.end());
    if (names.empty())
    {
        add_wrong_ptr(r, address, answer);
        return {};
    }
    const auto is_expected = [&](const std::string& name)
    {
        const auto& wanted = r.source.ptr_names;
        return wanted.empty() || std::any_of(wanted.begin(), wanted.end(), [&](const std::string& w)
                                             { return dns::canonical_name(w) == name; });
    };
    const bool expected = std::any_of(names.begin(), names.end(), is_expected);
    r.add(source_check_kind::ptr, &address, expected,
          expected ? joined(names) : joined(names) + ", expected " + joined(r.source.ptr_names));
    // Those expected first: a name beyond the limit is not followed.
    std::partition(names.begin(), names.end(), is_expected);
    names.resize(std::min(names.size(), ptr_names_followed_max));
    return names;
}

asio::awaitable<void> check_reverse(run& r, dns::ip_address address)
{
    std::string reverse = ptr_name(address);
    const dns::rrset answer = co_await ask(r, std::move(reverse), dns::record_type::ptr);
    const std::vector<std::string> names = take_ptr(r, address, answer);
    if (names.empty())
    {
        const bool unknown = is_unknown(answer);
        r.add(source_check_kind::forward_confirmed, &address,
              unknown ? std::nullopt : std::optional(false), "no name to confirm");
        co_return;
    }
    bool unknown = false;
    for (const std::string& name : names)
    {
        std::string asked = name;
        const dns::rrset forward = co_await ask(r, std::move(asked), family_type(address));
        if (holds(data_of<dns::ip_address>(forward), address))
        {
            r.add(source_check_kind::forward_confirmed, &address, true, name);
            co_return;
        }
        unknown = unknown || is_unknown(forward);
    }
    r.add(source_check_kind::forward_confirmed, &address,
          unknown ? std::nullopt : std::optional(false),
          joined(names) + (unknown ? ": no answer" : " does not lead back to the address"));
}

asio::awaitable<void> check_ehlo(run& r, dns::ip_address address)
{
    std::string name = r.source.ehlo_name;
    const dns::rrset answer = co_await ask(r, std::move(name), family_type(address));
    const bool same = holds(data_of<dns::ip_address>(answer), address);
    if (is_unknown(answer))
    {
        r.add(source_check_kind::ehlo_name, &address, std::nullopt, answer.reason);
        co_return;
    }
    const char* why =
        answer.records.empty() ? " has no address of this family" : " does not lead to the address";
    r.add(source_check_kind::ehlo_name, &address, same, r.source.ehlo_name + (same ? "" : why));
}

asio::awaitable<void> check_ehlo_alone(run& r)
{
    std::string name = r.source.ehlo_name;
    const dns::rrset v4 = co_await ask(r, std::move(name), dns::record_type::a);
    std::string again = r.source.ehlo_name;
    const dns::rrset v6 = co_await ask(r, std::move(again), dns::record_type::aaaa);
    const bool found = !v4.records.empty() || !v6.records.empty();
    const bool unknown = !found && (is_unknown(v4) || is_unknown(v6));
    r.add(source_check_kind::ehlo_name, nullptr, unknown ? std::nullopt : std::optional(found),
          r.source.ehlo_name + (found     ? ""
                                : unknown ? ": no answer"
                                          : " has no address"));
}

asio::awaitable<void> check_list(run& r, dns::ip_address address, std::string zone)
{
    std::string name = dnsbl_name(address, zone);
    const dns::rrset answer = co_await ask(r, std::move(name), dns::record_type::a);
    const std::vector<dns::ip_address> codes = data_of<dns::ip_address>(answer);
    if (is_unknown(answer))
    {
        r.add(source_check_kind::dnsbl, &address, std::nullopt, zone + ": " + answer.reason);
        co_return;
    }
    std::vector<std::string> texts;
    for (const auto& code : codes)
    {
        texts.push_back(dns::format_ip(code));
    }
    const std::optional<bool> listed = is_listed(codes);
    const char* verdict = !listed ? " does not tell: " : *listed ? " lists it: " : "";
    r.add(source_check_kind::dnsbl, &address, listed ? std::optional(!*listed) : std::nullopt,
          zone + verdict + joined(texts));
}

} // namespace

std::string_view to_string(source_check_kind kind) noexcept
{
    switch (kind)
    {
    case source_check_kind::ptr:
        return "ptr";
    case source_check_kind::forward_confirmed:
        return "forward_confirmed";
    case source_check_kind::ehlo_name:
        return "ehlo_name";
    case source_check_kind::dnsbl:
        return "dnsbl";
    }
    return "damaged";
}

std::string ptr_name(const dns::ip_address& address)
{
    return reversed_labels(address) + (address.is_v4() ? "in-addr.arpa" : "ip6.arpa");
}

std::string dnsbl_name(const dns::ip_address& address, std::string_view zone)
{
    return reversed_labels(address) + std::string(zone);
}

std::optional<bool> is_listed(const std::vector<dns::ip_address>& answer)
{
    bool odd = false;
    for (const auto& code : answer)
    {
        const bool in_network = code.is_v4() && code.bytes[0] == list_network;
        const bool refused =
            in_network && code.bytes[1] == list_error && code.bytes[2] == list_error;
        if (in_network && !refused)
        {
            return true;
        }
        odd = true;
    }
    return odd ? std::nullopt : std::optional(false);
}

asio::awaitable<std::vector<source_finding>> check_source(resolver& from, const clock& time,
                                                          checked_source source,
                                                          std::vector<std::string> dnsbl_zones)
{
    run r{from, time, std::move(source), {}};
    for (const dns::ip_address& address : r.source.addresses)
    {
        co_await check_reverse(r, address);
        co_await check_ehlo(r, address);
        for (const std::string& zone : dnsbl_zones)
        {
            co_await check_list(r, address, zone);
        }
    }
    if (r.source.addresses.empty())
    {
        co_await check_ehlo_alone(r);
    }
    co_return std::move(r.findings);
}

} // namespace hikyaku::resolver
