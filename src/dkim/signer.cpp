#include "canonical.h"
#include "fields.h"
#include "folded_writer.h"
#include "key_context.h"

#include <hikyaku/base/assert.h>
#include <hikyaku/crypto/base64.h>
#include <hikyaku/dkim/signer.h>

#include <algorithm>
#include <charconv>
#include <optional>
#include <vector>

namespace hikyaku::dkim
{
namespace
{

/// RFC 6376 section 5.4.1 and what bulk senders are judged by (RFC 2369, RFC 2919, RFC 8058).
/// From first: it is the one that must be there.
constexpr std::string_view signed_names[] = {
    "From",
    "Sender",
    "Reply-To",
    "To",
    "Cc",
    "Subject",
    "Date",
    "Message-ID",
    "In-Reply-To",
    "References",
    "MIME-Version",
    "Content-Type",
    "Content-Transfer-Encoding",
    "Content-Language",
    "List-Id",
    "List-Help",
    "List-Owner",
    "List-Post",
    "List-Subscribe",
    "List-Archive",
    "List-Unsubscribe",
    "List-Unsubscribe-Post",
    "Feedback-ID",
    "Auto-Submitted",
    "Precedence",
};

/// Header and body; the empty line between them belongs to neither.
std::optional<message_parts> cut(std::string_view message, std::size_t header_bytes)
{
    if (header_bytes > message.size())
    {
        return std::nullopt;
    }
    std::string_view header = message.substr(0, header_bytes);
    std::string_view body = message.substr(header_bytes);
    if (header.ends_with("\r\n\r\n"))
    {
        header.remove_suffix(2);
        return message_parts{header, body};
    }
    if (header.ends_with("\r\n") && (body.empty() || body.starts_with("\r\n")))
    {
        return message_parts{header, body.substr(std::min<std::size_t>(2, body.size()))};
    }
    return std::nullopt;
}

/// What all signatures of one message share.
struct shared_tags
{
    std::string_view body_hash;
    std::string_view time;
};

} // namespace

struct signer::state
{
    body_hasher body;
    crypto::sha256_stream header_hash;
    key_contexts contexts{key_contexts_max};
    std::vector<field> fields;
    /// h=, and the canonical fields it names.
    std::vector<std::string_view> names;
    std::string canonical_header;
    std::string canonical_signature;
    std::string body_hash_text;
    std::string raw_signature;
    std::string signature_text;
    std::string tag;

    [[nodiscard]] std::optional<failure> collect(std::string_view header);
    void collect_name(std::string_view name);
    void write_unsigned(const identity& who, const shared_tags& tags, std::string& out);
    [[nodiscard]] result<void, failure> sign_one(const identity& who, const shared_tags& tags,
                                                 std::string& out);
};

void signer::state::collect_name(std::string_view name)
{
    // Section 5.4.2: of fields that occur more than once, the last is signed first.
    for (auto f = fields.rbegin(); f != fields.rend(); ++f)
    {
        if (same_name(f->name, name))
        {
            append_canonical_field(canonicalization::relaxed, f->text, canonical_header);
            canonical_header += "\r\n";
            names.push_back(name);
        }
    }
}

std::optional<failure> signer::state::collect(std::string_view header)
{
    fields.clear();
    names.clear();
    canonical_header.clear();
    split_fields(header, fields);
    if (fields.size() > header_fields_max)
    {
        return failure{"more than " + std::to_string(header_fields_max) + " header fields"};
    }
    // White space first would make the message continue the signature field in front of it.
    if (header.empty() || is_wsp(header.front()) ||
        std::any_of(fields.begin(), fields.end(), [](const field& f) { return f.name.empty(); }))
    {
        return failure{"a header line is not a field"};
    }
    for (const std::string_view name : signed_names)
    {
        collect_name(name);
        if (names.empty())
        {
            return failure{"the message has no From"};
        }
        if (name == signed_names[0])
        {
            names.push_back(name); // Oversigned: nothing may be added.
        }
    }
    return std::nullopt;
}

void signer::state::write_unsigned(const identity& who, const shared_tags& tags, std::string& out)
{
    folded_writer line(out);
    line.put("DKIM-Signature:", "");
    line.put("v=1;");
    line.put(who.key->kind() == algorithm::rsa_sha256 ? "a=rsa-sha256;" : "a=ed25519-sha256;");
    line.put("c=relaxed/relaxed;");
    const auto put_tag = [&line, this](std::string_view name, std::string_view value)
    {
        tag.assign(name).append(value).append(";");
        line.put(tag);
    };
    put_tag("d=", who.domain);
    put_tag("s=", who.selector);
    put_tag("t=", tags.time);
    std::string_view gap = " ";
    tag.assign("h=");
    for (std::size_t i = 0; i < names.size(); ++i)
    {
        tag.append(names[i]).append(i + 1 < names.size() ? ":" : ";");
        line.put(tag, gap);
        gap = {};
        tag.clear();
    }
    put_tag("bh=", tags.body_hash);
    line.new_line();
    line.put("b=", "");
}

result<void, failure> signer::state::sign_one(const identity& who, const shared_tags& tags,
                                              std::string& out)
{
    if (who.key == nullptr || !is_host_name(who.domain) || !is_host_name(who.selector))
    {
        return failure{"a DKIM identity needs a key, a domain and a selector"};
    }
    const std::size_t start = out.size();
    write_unsigned(who, tags, out);
    canonical_signature.clear();
    append_canonical_field(canonicalization::relaxed, std::string_view(out).substr(start),
                           canonical_signature);
    header_hash.reset();
    header_hash.update(canonical_header);
    header_hash.update(canonical_signature);
    auto made = contexts.obtain(who.key).sign(header_hash.finish(), raw_signature);
    if (made.has_error())
    {
        return made;
    }
    signature_text.clear();
    crypto::append_base64(signature_text, raw_signature);
    // The line so far is " b=".
    constexpr std::size_t first = folded_writer::columns_max - 3;
    out.append(signature_text, 0, first);
    if (signature_text.size() > first)
    {
        folded_writer rest(out);
        rest.new_line();
        rest.put_breakable(std::string_view(signature_text).substr(first));
    }
    out += "\r\n";
    return {};
}

signer::signer() : state_(std::make_unique<state>()) {}
signer::~signer() = default;

crypto::digest signer::hash_body(std::string_view body) noexcept
{
    return state_->body.hash(canonicalization::relaxed, body);
}

result<void, failure> signer::sign(std::span<const identity* const> identities,
                                   std::string_view message, std::size_t header_bytes, wall_time t,
                                   std::string& out, const crypto::digest* known_body)
{
    if (identities.size() > identities_max)
    {
        return failure{"more than " + std::to_string(identities_max) + " DKIM identities"};
    }
    const auto parts = cut(message, header_bytes);
    if (!parts)
    {
        return failure{"the header does not end in an empty line"};
    }
    if (auto refused = state_->collect(parts->header))
    {
        return std::move(*refused);
    }
    const crypto::digest body_hash = known_body != nullptr ? *known_body : hash_body(parts->body);
    state_->body_hash_text.clear();
    crypto::append_base64(state_->body_hash_text, crypto::as_bytes(body_hash));
    char time[20];
    const auto seconds_now = std::max<std::int64_t>(to_unix_ms(t), 0) / 1000;
    const auto time_end = std::to_chars(std::begin(time), std::end(time), seconds_now).ptr;
    const shared_tags tags{
        state_->body_hash_text,
        std::string_view(time, static_cast<std::size_t>(time_end - std::begin(time)))};

    const std::size_t start = out.size();
    for (const identity* const who : identities)
    {
        HK_ASSERT(who != nullptr);
        auto signed_one = state_->sign_one(*who, tags, out);
        if (signed_one.has_error())
        {
            out.resize(start);
            return signed_one;
        }
    }
    return {};
}

std::span<const std::string_view> signed_field_names() noexcept
{
    return signed_names;
}

} // namespace hikyaku::dkim
