#pragma once

#include "answer_book.h"

#include <hikyaku/identity/domain_check.h>

// The single checks of a domain. Each returns nullopt until the book has all it needs.
namespace hikyaku::identity
{

using maybe_finding = std::optional<check_finding>;

/// Printing ASCII, at most domain_check::seen_bytes_max.
[[nodiscard]] std::string shown(std::string_view bytes);
/// The TXT texts of an answer that are SPF records (RFC 7208 section 4.5).
[[nodiscard]] std::vector<std::string> find_spf_texts(const dns::rrset& answer);
/// The record to publish when `present` is there already: our mechanisms put into it.
[[nodiscard]] std::string merge_spf(std::string_view present, std::string_view mechanisms,
                                    std::string_view fresh);

[[nodiscard]] maybe_finding check_dkim(const domain_check_input& in, const dkim_key_row& key,
                                       answer_book& book);
[[nodiscard]] maybe_finding check_dmarc(const domain_check_input& in, answer_book& book);
[[nodiscard]] maybe_finding check_alignment(const domain_check_input& in, answer_book& book);
[[nodiscard]] maybe_finding check_from_mx(const domain_check_input& in, answer_book& book);
[[nodiscard]] maybe_finding check_return_path_mx(const domain_check_input& in, answer_book& book);
[[nodiscard]] maybe_finding check_ptr(const source_address& source, answer_book& book);

/// One evaluation of SPF: a source and the domain of MAIL FROM.
struct spf_run
{
    const source_address* source;
    dns::spf_check check;
};
/// Goes on with a run as far as the book leads; nullptr: an answer is missing.
[[nodiscard]] const dns::spf_verdict* advance(spf_run& run, answer_book& book);

/// SPF of one domain for all sources.
/// @param kind  spf (never worse than warn), return_path_spf or envelope_spf
[[nodiscard]] maybe_finding check_spf(const domain_check_input& in, check_kind kind,
                                      const std::string& domain, std::vector<spf_run>& runs,
                                      answer_book& book);

} // namespace hikyaku::identity
