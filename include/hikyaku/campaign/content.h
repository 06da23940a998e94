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
    };
    kind from = kind::nothing;
    std::uint16_t field = 0;
    crm::field_type type = crm::field_type::text;
    std::string name;
};

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

    std::string from_path;
    std::string reply_to_path;
    std::string from_domain;
    /// Domain of MAIL FROM.
    std::string envelope_domain;
    crypto::digest verp_key{};
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
    crypto::digest verp_key{};
    std::shared_ptr<const std::vector<dkim::identity>> identities;
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

/// Local part of MAIL FROM: names campaign and recipient, signed (RFC-free VERP). Case-insensitive.
[[nodiscard]] std::string verp_local_part(const content& c, ordinal who);

} // namespace hikyaku::campaign
