#include "opendkim_oracle.h"

#include "fields.h"

#include <algorithm>
#include <cstring>
#include <memory>

#include <sys/types.h>

// The header is C: its bool is spelt _Bool.
#define _Bool bool
#include <dkim.h>
#undef _Bool

namespace hikyaku::dkim
{
namespace
{

/// It copies every field; a message with more header than this is not worth its opinion.
constexpr std::size_t header_bytes_max = 1u << 20;

struct close_handle
{
    void operator()(DKIM_LIB* lib) const noexcept { dkim_close(lib); }
    void operator()(DKIM* message) const noexcept { dkim_free(message); }
};
using library = std::unique_ptr<DKIM_LIB, close_handle>;
using handle = std::unique_ptr<DKIM, close_handle>;

/// libopendkim takes non-const bytes that it only reads.
u_char* mutable_bytes(std::string_view text)
{
    return reinterpret_cast<u_char*>(const_cast<char*>(text.data()));
}

std::string lower_text(const unsigned char* text)
{
    std::string out(text == nullptr ? "" : reinterpret_cast<const char*>(text));
    std::transform(out.begin(), out.end(), out.begin(), [](char c)
                   { return c >= 'A' && c <= 'Z' ? static_cast<char>(c - 'A' + 'a') : c; });
    return out;
}

DKIM_CBSTAT look_up(DKIM* message, DKIM_SIGINFO* sig, u_char* buffer, size_t size)
{
    const auto* records = static_cast<const key_records*>(dkim_get_user_context(message));
    const auto found = records->find(lower_text(dkim_sig_getselector(sig)) + "._domainkey." +
                                     lower_text(dkim_sig_getdomain(sig)));
    if (found == records->end() || found->second.size() >= size)
    {
        return DKIM_CBSTAT_NOTFOUND;
    }
    std::memcpy(buffer, found->second.c_str(), found->second.size() + 1);
    return DKIM_CBSTAT_CONTINUE;
}

/// Feeds all but the signatures' processing. @returns false when libopendkim gave the message up
bool feed(DKIM* message, std::string_view bytes)
{
    const message_parts parts = split_message(bytes);
    std::vector<field> fields;
    split_fields(parts.header, fields);
    for (const field& f : fields)
    {
        // It gives the whole message up over a name with white space, such as mbox's "From " line.
        if (!f.name.empty() && std::none_of(f.name.begin(), f.name.end(), is_wsp) &&
            dkim_header(message, mutable_bytes(f.text), f.text.size()) != DKIM_STAT_OK)
        {
            return false;
        }
    }
    if (dkim_eoh(message) != DKIM_STAT_OK)
    {
        return false;
    }
    if (!parts.body.empty() &&
        dkim_body(message, mutable_bytes(parts.body), parts.body.size()) != DKIM_STAT_OK)
    {
        return false;
    }
    // SMTP can't leave the last line open, and libopendkim refuses one that is.
    if (!parts.body.empty() && !parts.body.ends_with("\r\n") &&
        dkim_body(message, mutable_bytes("\r\n"), 2) != DKIM_STAT_OK)
    {
        return false;
    }
    bool testing = false;
    const DKIM_STAT end = dkim_eom(message, &testing);
    return end == DKIM_STAT_OK || end == DKIM_STAT_BADSIG;
}

std::optional<verdict> verdict_of(DKIM* message, DKIM_SIGINFO* sig)
{
    if ((dkim_sig_getflags(sig) & DKIM_SIGFLAG_PROCESSED) == 0)
    {
        dkim_sig_process(message, sig);
    }
    const unsigned int flags = dkim_sig_getflags(sig);
    const int error = dkim_sig_geterror(sig);
    if ((flags & DKIM_SIGFLAG_PROCESSED) == 0 ||
        (error != DKIM_SIGERROR_OK && error != DKIM_SIGERROR_BADSIG))
    {
        return std::nullopt;
    }
    const bool passed =
        (flags & DKIM_SIGFLAG_PASSED) != 0 && dkim_sig_getbh(sig) == DKIM_SIGBH_MATCH;
    return passed ? verdict::pass : verdict::fail;
}

} // namespace

std::vector<std::optional<verdict>> ask_opendkim(std::string_view message,
                                                 const key_records& records)
{
    const library lib(dkim_init(nullptr, nullptr));
    if (!lib || split_message(message).header.size() > header_bytes_max)
    {
        return {};
    }
    dkim_set_key_lookup(lib.get(), &look_up);
    unsigned int flags = DKIM_LIBFLAGS_BADSIGHANDLES;
    dkim_options(lib.get(), DKIM_OP_SETOPT, DKIM_OPTS_FLAGS, &flags, sizeof flags);
    DKIM_STAT status = DKIM_STAT_OK;
    static constexpr unsigned char id[] = "hikyaku";
    const handle m(dkim_verify(lib.get(), id, nullptr, &status));
    if (!m)
    {
        return {};
    }
    dkim_set_user_context(m.get(), const_cast<key_records*>(&records));
    if (!feed(m.get(), message))
    {
        return {};
    }
    DKIM_SIGINFO** sigs = nullptr;
    int count = 0;
    std::vector<std::optional<verdict>> opinions;
    if (dkim_getsiglist(m.get(), &sigs, &count) == DKIM_STAT_OK)
    {
        std::for_each(sigs, sigs + count,
                      [&](DKIM_SIGINFO* sig) { opinions.push_back(verdict_of(m.get(), sig)); });
    }
    return opinions;
}

} // namespace hikyaku::dkim
