#pragma once

#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <set>
#include <string>
#include <vector>

#include "trace.h"

#include <hikyaku/net/stream.h>
#include <hikyaku/shaping/limits.h>

namespace hikyaku::sim
{

/// What a site does instead of its work for a while.
enum class trouble
{
    refuses_connections,
    never_answers,
    banner_554,
    banner_421,
    mail_421,
    tarpit,
};
[[nodiscard]] const char* to_string(trouble t) noexcept;

struct trouble_window
{
    trouble what{};
    milliseconds from{};
    milliseconds to{};
};

/// How the mail servers of one site behave. Percentages are of each decision.
struct site_model
{
    /// Sorted; joined with ',' they are the site's name.
    std::vector<std::string> hosts;
    /// Name of the provider that it belongs to; empty: none.
    std::string provider;
    shaping::limits_patch limits;
    milliseconds latency_min{1};
    milliseconds latency_max{20};
    milliseconds work_max{5};
    std::vector<trouble_window> troubles;
    unsigned percent_deferred = 0;
    unsigned percent_bounced = 0;
    unsigned percent_deferred_at_dot = 0;
    unsigned percent_lost_at_dot = 0;
    milliseconds greylist{0};
    /// 0: no limit of the server's own.
    unsigned connections_max = 0;
    /// The server's own limit of messages in any second; 0: none.
    unsigned messages_per_s = 0;
};

/// A final dot as it was sent.
struct dot_record
{
    mono_time sent{};
    wall_time sent_wall{};
    std::uint64_t connection = 0;
    unsigned life = 0;
    bool accepted = false;
    std::string message;
};

/// A MAIL command.
struct mail_record
{
    mono_time sent{};
    /// When the recipient was leased for it, as far as loading shows.
    mono_time leased{};
    std::string from;
    std::string source;
};

/// What the wire saw of one site, or of a whole provider, from one source.
struct source_log
{
    std::vector<mono_time> dials;
    mono_time failed_at{};
    unsigned failed_now = 0;
    std::vector<mono_time> mails;
    unsigned open = 0;
    unsigned open_most = 0;
};

/// What the wire saw of one site; times are those of the sender.
struct site_log
{
    /// Dials: first addresses only, a session that goes on to the next one is one connection.
    std::map<std::string, source_log> by_source;
    std::vector<mail_record> mails;
    std::vector<mono_time> answered; // good banners
    unsigned open = 0;
};

/// The mail servers of the simulated world and the wire to them.
class peers
{
public:
    peers(virtual_time& time, seeded_random& random, trace& t)
        : time_(time), random_(random), trace_(t)
    {
    }

    void add(site_model m);
    [[nodiscard]] std::unique_ptr<net::dialer> make_dialer(asio::io_context& context);
    /// IPv4 address of a host.
    [[nodiscard]] asio::ip::address address_of(const std::string& host) const;
    [[nodiscard]] static std::string site_name(const site_model& m);

    /// Tells when a recipient was leased last.
    std::function<mono_time(const std::string& address)> lease_time;
    /// The sender's machine is off: dials end at once. Bytes on the wire arrive.
    void lose_sender();
    /// A new process sends.
    void next_life();
    [[nodiscard]] unsigned life() const noexcept { return life_; }

    [[nodiscard]] const std::map<std::string, site_log>& logs() const noexcept { return logs_; }
    /// By (provider, source).
    using provider_logs = std::map<std::pair<std::string, std::string>, source_log>;
    [[nodiscard]] const provider_logs& providers() const noexcept { return providers_; }
    [[nodiscard]] const std::map<std::string, std::vector<dot_record>>& dots() const noexcept
    {
        return dots_;
    }
    [[nodiscard]] const std::map<std::string, site_model>& sites() const noexcept { return sites_; }
    [[nodiscard]] const std::optional<trouble_window> trouble_of(const site_model& m) const;

private:
    friend class peer_stream;
    friend class peer_dialer;
    struct connection;
    using connection_ptr = std::shared_ptr<connection>;

    void note_mail(const connection& c, std::string_view commands);
    connection_ptr connect(const std::string& site, const std::string& source);
    void greet(const connection_ptr& c);
    void receive(const connection_ptr& c, std::string bytes);
    void on_line(const connection_ptr& c, const std::string& line);
    void on_rcpt(const connection_ptr& c, const std::string& line);
    void on_dot(const connection_ptr& c, std::string message);
    void say(const connection_ptr& c, std::string text, bool then_close = false);
    void hang_up(const connection_ptr& c);
    void closed_by_client(const connection_ptr& c);

    virtual_time& time_;
    seeded_random& random_;
    trace& trace_;
    std::map<std::string, site_model> sites_;
    std::map<std::string, std::string> site_of_host_;
    std::map<std::string, unsigned> number_of_host_;
    std::map<asio::ip::address, std::string> host_of_address_;
    std::map<std::string, site_log> logs_;
    provider_logs providers_;
    std::map<std::string, std::vector<dot_record>> dots_; // by address
    std::map<std::string, mono_time> first_seen_;
    std::map<std::string, std::vector<mono_time>> recent_; // for messages_per_s
    std::set<net::timer*> dialling_;
    std::uint64_t connections_ = 0;
    unsigned life_ = 1;
    bool sender_lost_ = false;
};

} // namespace hikyaku::sim
