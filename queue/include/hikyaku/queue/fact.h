#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include <hikyaku/queue/types.h>

namespace hikyaku::queue
{

/// What happened to one recipient in one attempt (or, with a count, to all that were left of a
/// campaign). The one source of the delivery log, the event feed, results and timelines.
struct fact
{
    wall_time at{};
    disposition what = disposition::delivered;
    campaign_id campaign;
    ordinal who;
    /// How many recipients one bulk fact (cancelled, expired) stands for; 1 otherwise.
    std::uint64_t count = 1;
    std::string recipient;
    std::string domain;
    std::string site;
    std::string mx;
    std::string source;
    std::uint32_t attempt = 0;
    std::uint16_t code = 0;
    std::string enhanced;
    std::string reply;
    std::string stage;
    /// Why, in one word: "greylist", "bad_mailbox", "bad_domain" …
    std::string cls;
    /// What it means for the contact: 0 nothing, 1 counts as a failure, 2 proves the address bad
    /// (bounce::contact_effect).
    std::uint8_t contact = 0;
    std::string tls_version;
    std::string tls_cipher;
    bool tls_verified = false;
    std::uint64_t bytes = 0;
    std::uint32_t queued_ms = 0;
    std::uint32_t connect_ms = 0;
    std::uint32_t session_ms = 0;
    /// 0: none.
    wall_time next_try{};
    /// "domain selector algorithm" of each signature.
    std::vector<std::string> dkim;
    /// Domain of the Message-ID.
    std::string id_domain;
    /// The recipient may already have got this message before a crash.
    bool dup_possible = false;
};

/// The Message-ID without angle brackets, the same for every attempt.
[[nodiscard]] std::string message_id(campaign_id campaign, ordinal who, std::string_view domain);

/// First byte of a fact block's key in the tenant's family; its number follows, eight bytes.
inline constexpr char fact_kind = 'F';
[[nodiscard]] std::string fact_key(std::uint64_t seq);

/// Appends facts to one block: repeated strings (hosts, replies) are written once.
class fact_block_writer
{
public:
    void add(const fact& f);
    [[nodiscard]] std::size_t count() const noexcept { return count_; }
    [[nodiscard]] bool empty() const noexcept { return count_ == 0; }
    /// The encoded block. @post the writer is empty again
    [[nodiscard]] std::string finish();

private:
    void put_interned(std::string_view text);

    std::string body_;
    std::vector<std::string> dictionary_;
    wall_time last_{};
    std::size_t count_ = 0;
};

/// nullopt when the bytes are damaged.
[[nodiscard]] std::optional<std::vector<fact>> decode_facts(std::string_view block);

} // namespace hikyaku::queue
