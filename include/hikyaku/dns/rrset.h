#pragma once

#include <chrono>
#include <cstddef>
#include <set>
#include <string>
#include <vector>

#include <hikyaku/dns/message.h>
#include <hikyaku/dns/record.h>

namespace hikyaku::dns
{

/// CNAMEs followed for one question, over all messages it takes.
inline constexpr std::size_t cname_chain_max = 8;

/// How long a positive answer is kept, whatever its TTL says.
inline constexpr std::chrono::seconds ttl_min{60};
inline constexpr std::chrono::seconds ttl_max{86400};
/// How long a "no such name or data" is kept, whatever its SOA says (RFC 2308 section 5).
inline constexpr std::chrono::seconds negative_ttl_min{300};
inline constexpr std::chrono::seconds negative_ttl_max{3600};

[[nodiscard]] std::chrono::seconds bounded_ttl(std::chrono::seconds ttl) noexcept;
[[nodiscard]] std::chrono::seconds bounded_negative_ttl(std::chrono::seconds ttl) noexcept;

enum class rrset_status
{
    /// Records of the asked type.
    found,
    /// The name exists (or its alias does) without records of this type.
    no_data,
    /// NXDOMAIN, of the name or of the end of its aliases.
    no_name,
    /// The aliases end at a name the message says nothing about: ask for `name` next.
    follow,
    /// The aliases come back to a name already seen.
    alias_loop,
    /// More than cname_chain_max aliases, without a loop so far.
    alias_chain_too_long,
    /// SERVFAIL, REFUSED, truncated, …: nothing was learnt.
    failed,
};

/// The answer to one (name, type) after aliases.
struct rrset
{
    rrset_status status = rrset_status::failed;
    /// Text of the failure, for logs and diagnostics.
    std::string reason;
    /// The last name of the chain of aliases.
    std::string name;
    /// Of the asked type, owned by `name`. Other records of the message are not trusted.
    std::vector<record> records;
    /// Smallest TTL on the way (unbounded); for no_data and no_name also of the SOA, 0 without one.
    std::chrono::seconds ttl{0};
};

/// Follows the aliases of one question through the messages that answer it (RFC 1034 section
/// 3.6.2). A recursive resolver sends the chain in one message; if it doesn't, `follow` says what
/// to ask next. Pure; one per question.
class alias_walk
{
public:
    /// @pre name is canonical
    alias_walk(std::string name, record_type type);

    /// The name to ask for now.
    [[nodiscard]] const std::string& name() const noexcept { return name_; }
    [[nodiscard]] record_type type() const noexcept { return type_; }

    /// Takes the response to a question for (name(), type()).
    [[nodiscard]] rrset take(const message& response);

private:
    /// Takes the asked records of name_ into `out`; false when there are none.
    [[nodiscard]] bool collect(const message& response, rrset& out) const;
    [[nodiscard]] rrset finish(rrset_status status, std::string what,
                               std::chrono::seconds ttl = {}) const;
    [[nodiscard]] rrset nothing_found(const message& response, bool moved) const;

    std::string name_;
    record_type type_;
    std::chrono::seconds ttl_;
    std::set<std::string> seen_;
};

} // namespace hikyaku::dns
