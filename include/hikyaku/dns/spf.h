#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <string>

#include <hikyaku/base/time.h>
#include <hikyaku/dns/ip_address.h>
#include <hikyaku/dns/record.h>
#include <hikyaku/dns/rrset.h>

namespace hikyaku::dns
{

/// RFC 7208 section 4.6.4: terms that ask the DNS, in one evaluation.
inline constexpr std::size_t spf_lookups_max = 10;
/// Section 4.6.4: answers without records that a, mx, ptr and exists may get.
inline constexpr std::size_t spf_void_lookups_max = 2;
/// Section 4.6.4: hosts of one "mx" (more are an error) and of the client (more are ignored).
inline constexpr std::size_t spf_names_max = 10;
/// A longer record is an error; the RFC advises that it fit a UDP message (section 3.4).
inline constexpr std::size_t spf_record_bytes_max = 16'384;
/// A longer explanation is not used (section 6.2).
inline constexpr std::size_t spf_explanation_bytes_max = 4'096;
/// Questions of one evaluation, over all terms: the record, then each term with a host list, a
/// record or an address, the client's names, and the explanation.
inline constexpr std::size_t spf_questions_max =
    1 + spf_lookups_max * (1 + spf_names_max) + (1 + spf_names_max) + 1;

/// Section 2.6.
enum class spf_result : std::uint8_t
{
    /// No domain to check, or it publishes no record.
    none,
    /// The domain says nothing about this address.
    neutral,
    pass,
    fail,
    softfail,
    /// A DNS failure; a later check may end otherwise.
    temperror,
    /// The domain's records can't be interpreted.
    permerror,
};

/// "none", "pass", … as in RFC 8601 section 2.7.2.
[[nodiscard]] const char* spf_result_name(spf_result result) noexcept;

/// What is checked (section 4.1).
struct spf_request
{
    /// The client's; an IPv4-mapped IPv6 address counts as IPv4 (section 5).
    ip_address ip;
    /// Argument of MAIL FROM, without angle brackets. Empty: postmaster@HELO (section 2.4). Without
    /// local part or "@": postmaster at that domain (section 4.3). Domains as A-labels.
    std::string mail_from;
    /// As the client gave it.
    std::string helo;
    /// %{r}: our host name.
    std::string receiver = "unknown";
    /// %{t}.
    wall_time now{};
    /// For `fail` when the domain has no usable explanation of its own.
    std::string default_explanation{};
};

struct spf_verdict
{
    spf_result result = spf_result::none;
    /// The directive that decided, as written in the record of the checked domain or, after
    /// "redirect", of the domain it led to; "default" when none matched. With permerror and
    /// temperror the term at fault, "" when it is the whole record.
    std::string mechanism;
    /// Terms that asked the DNS, spf_lookups_max at most.
    std::size_t lookups = 0;
    /// Only with `fail`: printing ASCII and spaces from the domain's "exp", or the default.
    std::string explanation;
    /// For a person: why it is none, temperror or permerror. May hold any bytes of the records.
    std::string reason;
};

/// What the evaluation wants to know. `name` is canonical, but its labels may hold any byte
/// (canonical_query_name); alias_walk follows its CNAMEs.
struct spf_question
{
    std::string name;
    record_type type = record_type::txt;
};

/// check_host() of RFC 7208 for one client and sender, without I/O: asks one question at a time
/// until it has a verdict.
///
///     spf_check check(request);
///     while (const spf_question* q = check.next())
///         check.take(answer of q);
///     use(check.verdict());
///
/// Any answers end it after at most spf_questions_max questions; memory is bounded by the records
/// (spf_record_bytes_max each, spf_lookups_max deep). Not thread-safe. Movable.
class spf_check
{
public:
    explicit spf_check(spf_request request);
    ~spf_check();
    spf_check(spf_check&&) noexcept;
    spf_check& operator=(spf_check&&) noexcept;

    /// The question to ask now; nullptr when there is a verdict. Valid until take().
    [[nodiscard]] const spf_question* next() const noexcept;
    /// The answer to next(). A `failed` one is a server error or a time-out (temperror where the
    /// RFC says so); aliases that loop or have no end count as a name without records.
    /// @pre next() != nullptr; answer.status is not `follow`
    void take(const rrset& answer);
    /// @pre next() == nullptr
    [[nodiscard]] const spf_verdict& verdict() const;

private:
    class machine;
    std::unique_ptr<machine> machine_;
};

} // namespace hikyaku::dns
