#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include <hikyaku/dns/spf.h>

#include "spf_record.h"

namespace hikyaku::dns
{

/// What the evaluation does next, or whose answer it waits for.
enum class spf_state
{
    /// Begins the innermost domain.
    enter_domain,
    /// Waits for the TXT records of the innermost domain.
    record,
    /// Looks at the next directive of the innermost record.
    term,
    /// Waits for the addresses of an "a", or for whether the name of an "exists" has one.
    addresses,
    /// Waits for the hosts of an "mx".
    mx,
    /// Asks for the addresses of the next host of an "mx".
    mx_host,
    /// Waits for them.
    mx_addresses,
    /// Waits for the client's names, for "ptr" or the p macro.
    client_names,
    /// Asks for the addresses of the next of the client's names that matters.
    client_name,
    /// Waits for them.
    client_addresses,
    /// No directive of the innermost record has matched.
    end_of_record,
    /// The result is fail: asks for the text of the explanation, if there is one.
    explain,
    /// Waits for it.
    explanation,
    /// Expands the text of the explanation.
    explained,
    done,
};

/// The evaluation behind spf_check. One domain is a frame: "include" stacks one, "redirect"
/// replaces the innermost. A macro-string with a p macro is expanded only when the client's
/// validated name for the frame's domain is known: need_client_name() goes to find it and comes
/// back to the state that asked.
///
/// Invariants: frames_.size() <= spf_lookups_max + 1; verdict_.lookups <= spf_lookups_max;
/// a question is open exactly in the states that wait; questions_ <= spf_questions_max.
class spf_check::machine
{
public:
    explicit machine(spf_request request);

    [[nodiscard]] const spf_question* next() const noexcept
    {
        return question_ ? &*question_ : nullptr;
    }
    void take(const rrset& answer);
    [[nodiscard]] const spf_verdict& verdict() const;

private:
    /// check_host() of one domain.
    struct frame
    {
        /// As given, for macros; without a final dot.
        std::string domain;
        std::optional<std::string> canonical;
        spf_record record{};
        /// The directive being evaluated.
        std::size_t at = 0;
        /// The p macro for this domain, once known.
        std::optional<std::string> client_name{};
    };
    /// A name of the client (section 5.5).
    struct client_host
    {
        std::string name;
        /// Unknown until asked for.
        std::optional<bool> validated{};
    };

    // Domains and results: spf.cpp.
    void begin();
    void run();
    void step();
    void ask(std::string name, record_type type, spf_state waiting);
    [[nodiscard]] record_type address_type() const noexcept;
    void push_domain(std::string domain);
    void enter_domain();
    void on_record(const rrset& answer);
    void finish_domain(spf_result result, std::string_view mechanism);
    void return_to_include(spf_result result);
    void end_of_record();
    void fail_with(spf_result error, std::string_view term, std::string reason);
    void end_none(std::string reason);
    void explain();
    void on_explanation(const rrset& answer);
    void explained();
    [[nodiscard]] macro_values values(const frame& f) const;

    // Directives: spf_terms.cpp.
    void next_term();
    void evaluate(const spf_directive& directive);
    [[nodiscard]] std::optional<std::string> target_of(const spf_directive& d);
    void match();
    void no_match();
    [[nodiscard]] bool count_lookup(std::string_view term);
    [[nodiscard]] bool count_void(const rrset& answer);
    [[nodiscard]] bool is_usable(const rrset& answer);
    void on_addresses(const rrset& answer);
    void on_mx(const rrset& answer);
    void next_mx_host();
    void on_mx_addresses(const rrset& answer);

    // Names of the client: spf_client.cpp.
    [[nodiscard]] bool need_client_name(const macro_string& macros, spf_state back);
    void find_client_names();
    void on_client_names(const rrset& answer);
    void next_client_name();
    [[nodiscard]] client_host* choose_client_host(const std::string& near);
    void end_client_search(const client_host* found);
    void on_client_addresses(const rrset& answer);

    [[nodiscard]] bool has_client_address(const rrset& answer, const cidr_lengths& lengths) const;
    [[nodiscard]] frame& here() { return frames_.back(); }
    [[nodiscard]] const spf_directive& directive() { return here().record.directives[here().at]; }

    spf_request request_;
    std::string sender_;
    std::string local_part_;
    std::string sender_domain_;
    spf_state state_ = spf_state::enter_domain;
    std::optional<spf_question> question_;
    std::size_t questions_ = 0;
    std::size_t voids_ = 0;
    std::vector<frame> frames_;
    spf_verdict verdict_;

    /// Of the term being evaluated: the canonical name it is about.
    std::string target_;
    /// Of an "mx": hosts not yet asked for, the next one last.
    std::vector<std::string> mx_hosts_;

    /// The client's names, at most spf_names_max; nullopt until asked for.
    std::optional<std::vector<client_host>> client_hosts_;
    client_host* client_host_ = nullptr;
    /// Where the search for a p macro was begun from; nullopt: it is for a "ptr".
    std::optional<spf_state> client_back_;

    /// The last "redirect" of the checked domain that was followed, as written; "" without.
    std::string redirect_term_;
    macro_string explanation_;
};

} // namespace hikyaku::dns
