#pragma once

#include <iosfwd>
#include <string>
#include <vector>

#include <hikyaku/base/time.h>

namespace hikyaku::cli
{

/// The diagnostics of API.md: pure functions over streams, no daemon needed. Each returns the exit
/// code, prints results to `out` and what is wrong with the call (a file that can't be read, a bad
/// option) to `err`. FILE "-" or "" is `in`. With `json` one object per line.
/// None of them throws on hostile input. They block.
enum exit_code : int
{
    /// Valid, verified, deliverable.
    exit_ok = 0,
    /// The answer is no: an address is invalid, no signature passes, a template has a mistake.
    exit_negative = 1,
    /// The command can't be carried out; `err` says why.
    exit_usage = 2,
};

/// Files and standard input longer than this are refused.
inline constexpr std::size_t input_bytes_max = 64u << 20;

/// `hikyaku address ADDR…`; without addresses one per line of `in`.
struct address_options
{
    std::vector<std::string> addresses;
    bool json = false;
};
[[nodiscard]] int run_address(const address_options& options, std::istream& in, std::ostream& out,
                              std::ostream& err);

/// `hikyaku dkim verify FILE [--dns HOST:PORT]`. 0 when at least one signature passes.
struct dkim_verify_options
{
    std::string file;
    /// Empty: the first server of resolv.conf.
    std::string dns;
    milliseconds dns_timeout{5'000};
    bool json = false;
};
[[nodiscard]] int run_dkim_verify(const dkim_verify_options& options, std::istream& in,
                                  std::ostream& out, std::ostream& err);

/// `hikyaku dkim sign --key PEM --domain D --selector S FILE`: the signed message, CRLF line ends.
struct dkim_sign_options
{
    /// File of the private key.
    std::string key;
    std::string domain;
    std::string selector;
    std::string file;
    /// The t= tag; {}: now.
    wall_time at{};
};
[[nodiscard]] int run_dkim_sign(const dkim_sign_options& options, std::istream& in,
                                std::ostream& out, std::ostream& err);

/// `hikyaku dkim keygen [--type rsa|ed25519] [--domain D] [--selector S]`: the private key and the
/// DNS record. `{s, d, a, name, record, zone, private_key}` with json.
struct dkim_keygen_options
{
    std::string type = "rsa";
    /// Both may be empty: the record's name is then left open.
    std::string domain;
    std::string selector;
    /// Write the private key here (mode 0600, never over a file) instead of to `out`.
    std::string key_file;
    bool json = false;
};
[[nodiscard]] int run_dkim_keygen(const dkim_keygen_options& options, std::ostream& out,
                                  std::ostream& err);

/// `hikyaku render --template FILE --data FILE.json [--html]`: the output, or
/// `line:column: reason` on `out` and 1.
struct render_options
{
    std::string template_file;
    /// Empty: no data.
    std::string data_file;
    bool html = false;
    /// {"output":…} or {"line","column","reason"}.
    bool json = false;
    /// "now" of the template; {}: now.
    wall_time now{};
    int offset_minutes = 9 * 60;
};
[[nodiscard]] int run_render(const render_options& options, std::istream& in, std::ostream& out,
                             std::ostream& err);

/// `hikyaku mx DOMAIN [--dns HOST:PORT]`: records and plan with the decision. 0 when mail would be
/// delivered, 1 when it would be deferred or bounced.
struct mx_options
{
    std::string domain;
    /// Empty: the servers of resolv.conf.
    std::string dns;
    milliseconds dns_timeout{20'000};
    bool json = false;
};
[[nodiscard]] int run_mx(const mx_options& options, std::ostream& out, std::ostream& err);

/// `hikyaku spf --ip IP --from ADDR --helo NAME [--dns HOST:PORT]`: RFC 7208 for one client and
/// sender. `{result, mechanism, lookups, explanation, reason}` with json: see dns::spf_verdict. 0
/// when a receiver has nothing against the mail (pass, neutral, none), 1 otherwise.
struct spf_options
{
    std::string ip;
    /// Argument of MAIL FROM, with or without angle brackets; empty, or a domain alone.
    std::string from;
    std::string helo;
    /// %{r}; empty: "unknown".
    std::string receiver;
    /// Empty: the servers of resolv.conf.
    std::string dns;
    /// Of the whole evaluation, below the 20 s that callers wait.
    milliseconds dns_timeout{15'000};
    bool json = false;
};
[[nodiscard]] int run_spf(const spf_options& options, std::ostream& out, std::ostream& err);

/// `hikyaku csv FILE`: encoding, delimiter, columns, ten rows, warnings; errors with line numbers.
struct csv_options
{
    std::string file;
    bool json = false;
};
[[nodiscard]] int run_csv(const csv_options& options, std::istream& in, std::ostream& out,
                          std::ostream& err);

/// `hikyaku classify [--stage S] [--mx HOST] [--domain D] [--rules FILE] [FILE…]`: what replies of
/// servers mean, `{code, enhanced, class, message, contact}` per reply with json. One reply per
/// line; one of several lines is written as on the wire ("550-…", then "550 …") or with "\n"
/// between its lines. Empty lines are passed over.
struct classify_options
{
    /// As in reply rules: rcpt, final_dot …
    std::string stage = "rcpt";
    std::string mx;
    std::string domain;
    /// Rules in the form of bounce-rules.yaml; empty: the built-in ones.
    std::string rules;
    /// None: standard input.
    std::vector<std::string> files;
    bool json = false;
};
[[nodiscard]] int run_classify(const classify_options& options, std::istream& in, std::ostream& out,
                               std::ostream& err);

/// `hikyaku bounce [--rules FILE] FILE…`: what messages that came back say, per recipient `{file,
/// kind, recipient, original_recipient, action, status, code, class, permanent, text}` with json; a
/// message that names nobody, or is no report (kind none), gives one object too. A file that can't
/// be read is told on `err` and gives exit_usage in the end; the others are read all the same.
struct bounce_options
{
    /// None: standard input, which "-" is too.
    std::vector<std::string> files;
    /// Rules in the form of bounce-rules.yaml; empty: the built-in ones.
    std::string rules;
    bool json = false;
};
[[nodiscard]] int run_bounce(const bounce_options& options, std::istream& in, std::ostream& out,
                             std::ostream& err);

} // namespace hikyaku::cli
