#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include <hikyaku/base/id.h>
#include <hikyaku/base/json.h>
#include <hikyaku/campaign/definition.h>
#include <hikyaku/crm/schema.h>
#include <hikyaku/crypto/sha256.h>
#include <hikyaku/dkim/signer.h>
#include <hikyaku/template/program.h>

namespace hikyaku::campaign
{

/// What is wrong with a definition, and where in the request.
struct content_error
{
    /// JSON pointer: "/subject", "/headers/X-Campaign".
    std::string pointer;
    std::string code;
    std::string text;
};

/// Where a template's root name gets its value from.
struct binding
{
    enum class kind : std::uint8_t
    {
        /// Neither a field nor a variable: nil.
        nothing,
        /// A field of the contact.
        field,
        /// A variable: the recipient's own, else the campaign's.
        variable,
        /// Of recipients given by address.
        recipient_email,
        recipient_name,
        /// Where the recipient unsubscribes, unless the recipient or campaign has a variable of
        /// that name.
        unsubscribe_url,
    };
    kind from = kind::nothing;
    std::uint16_t field = 0;
    crm::field_type type = crm::field_type::text;
    std::string name;
};

/// Where a recipient can unsubscribe with us.
struct unsubscribe_ways
{
    /// "https://m.example.jp": our page is below it. Empty: there is none.
    std::string base_url;
    /// Mail to the domain of MAIL FROM comes back to us.
    bool by_mail = false;

    [[nodiscard]] bool any() const noexcept { return by_mail || !base_url.empty(); }
};

/// Below base_url: this and the recipient's token.
inline constexpr std::string_view unsubscribe_path = "/u/";
/// Stands for the token in previews.
inline constexpr std::string_view preview_token = "preview";
/// The name templates have for the link.
inline constexpr std::string_view unsubscribe_variable = "unsubscribe_url";

/// A campaign ready to be rendered: programs, bindings, keys. Immutable, shared by all threads
/// that render it.
struct content
{
    campaign_id campaign;
    tenant_id tenant;
    definition source;
    bool by_contact = true;
    int offset_minutes = 540;

    std::vector<binding> bindings; // by slot
    /// Field ids that bindings read and the address, ascending.
    std::vector<std::uint16_t> fields;
    json::value variables;

    tmpl::program subject;
    tmpl::program from_name;
    std::vector<tmpl::program> text; // none or one
    std::vector<tmpl::program> html;
    std::vector<std::pair<std::string, tmpl::program>> headers;
    std::vector<tmpl::program> unsubscribe_url;
    std::vector<tmpl::program> unsubscribe_mailto;
    unsubscribe_ways ways;
    /// The List-Unsubscribe headers are ours: a broadcast without an offer of its own.
    bool our_offer = false;
    /// A template asks for unsubscribe_variable.
    bool uses_link = false;
    /// Feedback-ID; empty: none.
    std::string feedback_id;

    std::string from_path;
    std::string reply_to_path;
    std::string from_domain;
    /// Domain of MAIL FROM.
    std::string envelope_domain;
    /// Of all tokens of the tenant (bounce::recipient_token_key).
    crypto::digest token_key{};
    std::shared_ptr<const std::vector<dkim::identity>> identities;
    /// "domain selector algorithm", in the order of identities.
    std::vector<std::string> signatures;

    explicit content(tmpl::program subject_, tmpl::program from_name_)
        : subject(std::move(subject_)), from_name(std::move(from_name_))
    {
    }
};

/// What compiling needs to know of the tenant.
struct content_environment
{
    campaign_id campaign;
    tenant_id tenant;
    int offset_minutes = 540;
    crm::schema_ptr schema;
    std::string envelope_domain;
    crypto::digest token_key{};
    std::shared_ptr<const std::vector<dkim::identity>> identities;
    unsubscribe_ways ways{};
    /// Last part of Feedback-ID: who sends, the same for all mail of the installation; 5 to 15
    /// characters. Empty: broadcasts without a Feedback-ID of their own have none.
    std::string feedback_sender{};
};

/// Compiles every template of the definition once, for all recipients.
/// @error every mistake found, each with its place: "3:14: unknown filter 'foo'"
[[nodiscard]] result<std::shared_ptr<const content>, std::vector<content_error>>
compile_content(const definition& d, const content_environment& env);

[[noreturn]] inline void throw_exception_from_error(const std::vector<content_error>& e,
                                                    const boost::source_location&)
{
    throw std::runtime_error(e.empty() ? "content" : e.front().text);
}

} // namespace hikyaku::campaign
