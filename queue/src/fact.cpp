#include <hikyaku/base/bytes.h>
#include <hikyaku/queue/fact.h>

#include <algorithm>

namespace hikyaku::queue
{
namespace
{

constexpr std::uint8_t format = 1;
/// Looking further back for a repeated string costs more than writing it again.
constexpr std::size_t dictionary_max = 64;
constexpr std::size_t dkim_max = 8;

enum flag : std::uint8_t
{
    tls_verified = 1,
    dup_possible = 2,
    has_next_try = 4,
    has_count = 8,
    has_contact = 16,
};

/// Reads what put_interned wrote.
class dictionary_reader
{
public:
    std::string read(byte_reader& in)
    {
        const auto ref = in.varint();
        if (ref == 0)
        {
            return {};
        }
        if (ref == 1)
        {
            std::string fresh(in.string());
            if (entries_.size() < dictionary_max)
            {
                entries_.push_back(fresh);
            }
            return fresh;
        }
        if (ref - 2 >= entries_.size())
        {
            damaged_ = true;
            return {};
        }
        return entries_[static_cast<std::size_t>(ref - 2)];
    }
    [[nodiscard]] bool damaged() const noexcept { return damaged_; }

private:
    std::vector<std::string> entries_;
    bool damaged_ = false;
};

} // namespace

std::string message_id(campaign_id campaign, ordinal who, std::string_view domain)
{
    std::string id = format_id("c", campaign.value);
    id += '.';
    id += std::to_string(who.value);
    id += '@';
    id += domain;
    return id;
}

std::string fact_key(std::uint64_t seq)
{
    std::string key(1, fact_kind);
    put_be(key, seq);
    return key;
}

void fact_block_writer::put_interned(std::string_view text)
{
    if (text.empty())
    {
        put_varint(body_, 0);
        return;
    }
    const auto found = std::find(dictionary_.begin(), dictionary_.end(), text);
    if (found != dictionary_.end())
    {
        put_varint(body_, static_cast<std::uint64_t>(found - dictionary_.begin()) + 2);
        return;
    }
    put_varint(body_, 1);
    put_string(body_, text);
    if (dictionary_.size() < dictionary_max)
    {
        dictionary_.emplace_back(text);
    }
}

void fact_block_writer::add(const fact& f)
{
    ++count_;
    put_varint(body_, zigzag(to_unix_ms(f.at) - to_unix_ms(last_)));
    last_ = f.at;
    body_.push_back(static_cast<char>(f.what));
    std::uint8_t flags = 0;
    flags |= f.tls_verified ? tls_verified : 0;
    flags |= f.dup_possible ? dup_possible : 0;
    flags |= f.next_try != wall_time{} ? has_next_try : 0;
    flags |= f.count != 1 ? has_count : 0;
    flags |= f.contact != 0 ? has_contact : 0;
    body_.push_back(static_cast<char>(flags));
    std::string campaign;
    put_be(campaign, f.campaign.value);
    put_interned(campaign);
    put_varint(body_, f.who.value);
    put_string(body_, f.recipient);
    for (const auto* text : {&f.domain, &f.site, &f.mx, &f.source, &f.enhanced, &f.reply, &f.stage,
                             &f.cls, &f.tls_version, &f.tls_cipher, &f.id_domain})
    {
        put_interned(*text);
    }
    put_varint(body_, f.dkim.size());
    for (const auto& signature : f.dkim)
    {
        put_interned(signature);
    }
    for (const std::uint64_t n :
         {std::uint64_t{f.attempt}, std::uint64_t{f.code}, f.bytes, std::uint64_t{f.queued_ms},
          std::uint64_t{f.connect_ms}, std::uint64_t{f.session_ms}})
    {
        put_varint(body_, n);
    }
    if ((flags & has_next_try) != 0)
    {
        put_varint(body_, zigzag(to_unix_ms(f.next_try) - to_unix_ms(f.at)));
    }
    if ((flags & has_count) != 0)
    {
        put_varint(body_, f.count);
    }
    if (f.contact != 0)
    {
        body_.push_back(static_cast<char>(f.contact));
    }
}

std::string fact_block_writer::finish()
{
    std::string out(1, static_cast<char>(format));
    put_varint(out, count_);
    out += body_;
    body_.clear();
    dictionary_.clear();
    last_ = {};
    count_ = 0;
    return out;
}

std::optional<std::vector<fact>> decode_facts(std::string_view block)
{
    byte_reader in(block);
    if (in.u8() != format)
    {
        return std::nullopt;
    }
    const auto count = in.varint();
    std::vector<fact> out;
    dictionary_reader dictionary;
    std::int64_t last = 0;
    for (std::uint64_t i = 0; i < count && in.ok() && !dictionary.damaged(); ++i)
    {
        fact f;
        last += unzigzag(in.varint());
        f.at = from_unix_ms(last);
        f.what = static_cast<disposition>(in.u8());
        const auto flags = in.u8();
        const auto campaign = dictionary.read(in);
        f.campaign = campaign_id{campaign.size() == 8 ? get_be<std::uint64_t>(campaign) : 0};
        f.who = ordinal{static_cast<std::uint32_t>(in.varint())};
        f.recipient = std::string(in.string());
        for (auto* text : {&f.domain, &f.site, &f.mx, &f.source, &f.enhanced, &f.reply, &f.stage,
                           &f.cls, &f.tls_version, &f.tls_cipher, &f.id_domain})
        {
            *text = dictionary.read(in);
        }
        const auto signatures = in.varint();
        for (std::uint64_t s = 0; s < signatures && s < dkim_max; ++s)
        {
            f.dkim.push_back(dictionary.read(in));
        }
        f.attempt = static_cast<std::uint32_t>(in.varint());
        f.code = static_cast<std::uint16_t>(in.varint());
        f.bytes = in.varint();
        f.queued_ms = static_cast<std::uint32_t>(in.varint());
        f.connect_ms = static_cast<std::uint32_t>(in.varint());
        f.session_ms = static_cast<std::uint32_t>(in.varint());
        f.next_try =
            (flags & has_next_try) != 0 ? from_unix_ms(last + unzigzag(in.varint())) : wall_time{};
        f.count = (flags & has_count) != 0 ? in.varint() : 1;
        f.contact = (flags & has_contact) != 0 ? in.u8() : std::uint8_t{0};
        f.tls_verified = (flags & tls_verified) != 0;
        f.dup_possible = (flags & dup_possible) != 0;
        out.push_back(std::move(f));
    }
    if (!in.ok() || !in.at_end() || dictionary.damaged())
    {
        return std::nullopt;
    }
    return out;
}

} // namespace hikyaku::queue
