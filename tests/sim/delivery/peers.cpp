#include "peers.h"

#include "peer_stream.h"

#include <hikyaku/base/assert.h>

#include <algorithm>

namespace hikyaku::sim
{
namespace
{

constexpr std::string_view end_of_body = "\r\n.\r\n";

std::string in_brackets(const std::string& line)
{
    const auto from = line.find('<');
    const auto to = line.find('>');
    HK_ASSERT(from != std::string::npos && to != std::string::npos);
    return line.substr(from + 1, to - from - 1);
}

} // namespace

const char* to_string(trouble t) noexcept
{
    switch (t)
    {
    case trouble::refuses_connections:
        return "refuses connections";
    case trouble::never_answers:
        return "never answers";
    case trouble::banner_554:
        return "554 at the banner";
    case trouble::banner_421:
        return "421 at the banner";
    case trouble::mail_421:
        return "421 at MAIL";
    case trouble::tarpit:
        return "tarpit";
    }
    return "";
}

std::string peers::site_name(const site_model& m)
{
    std::string name;
    for (const auto& h : m.hosts)
    {
        name += (name.empty() ? "" : ",") + h;
    }
    return name;
}

void peers::add(site_model m)
{
    const auto name = site_name(m);
    for (const auto& h : m.hosts)
    {
        number_of_host_[h] = static_cast<unsigned>(number_of_host_.size() + 1);
        site_of_host_[h] = name;
        host_of_address_[address_of(h)] = h;
    }
    logs_[name];
    for (const auto& t : m.troubles)
    {
        const auto when = std::to_string(t.from.count()) + "-" + std::to_string(t.to.count());
        trace_.add(name + " " + to_string(t.what) + " at " + when);
    }
    sites_[name] = std::move(m);
}

asio::ip::address peers::address_of(const std::string& host) const
{
    return asio::ip::address_v4(0xC612'0000U + number_of_host_.at(host));
}

std::unique_ptr<net::dialer> peers::make_dialer(asio::io_context& context)
{
    return std::make_unique<peer_dialer>(*this, context);
}

void peers::lose_sender()
{
    sender_lost_ = true;
    for (auto* timer : dialling_)
    {
        timer->cancel();
    }
}

void peers::next_life()
{
    sender_lost_ = false;
    ++life_;
}

const std::optional<trouble_window> peers::trouble_of(const site_model& m) const
{
    for (const auto& t : m.troubles)
    {
        if (time_.since_start() >= t.from && time_.since_start() < t.to)
        {
            return t;
        }
    }
    return std::nullopt;
}

peers::connection_ptr peers::connect(const std::string& site, const std::string& source)
{
    auto c = std::make_shared<connection>();
    const auto& model = sites_.at(site);
    c->id = ++connections_;
    c->site = site;
    c->source = source;
    c->life = life_;
    c->latency = random_.between(model.latency_min, model.latency_max);
    ++logs_.at(site).open;
    auto& log = logs_.at(site).by_source[source];
    if (log.failed_at == time_.mono() && log.failed_now > 0 && model.hosts.size() > 1)
    {
        --log.failed_now;
    }
    else
    {
        log.dials.push_back(time_.mono());
    }
    for (auto* of : {&log, &providers_[{model.provider, source}]})
    {
        ++of->open;
        of->open_most = std::max(of->open_most, of->open);
    }
    return c;
}

void peers::greet(const connection_ptr& c)
{
    const auto& model = sites_.at(c->site);
    const auto now = trouble_of(model);
    auto& log = logs_.at(c->site);
    if (now && now->what == trouble::banner_554)
    {
        say(c, "554 5.7.1 not from you", true);
    }
    else if (now && now->what == trouble::banner_421)
    {
        say(c, "421 4.3.2 going down", true);
    }
    else if (model.connections_max != 0 && log.open > model.connections_max)
    {
        say(c, "421 4.7.0 too many connections", true);
    }
    else
    {
        log.answered.push_back(time_.mono());
        say(c, "220 ready");
    }
}

/// Answers come one after another, each after its work.
void peers::say(const connection_ptr& c, std::string text, bool then_close)
{
    if (c->stuck || c->hung_up)
    {
        return;
    }
    const auto work = random_.between(milliseconds{0}, sites_.at(c->site).work_max);
    c->busy_until = std::max(c->busy_until, time_.mono()) + work;
    c->hung_up = then_close;
    time_.at(c->busy_until + c->latency,
             [c, text = std::move(text), then_close]
             {
                 c->arrived += text + "\r\n";
                 c->ended = c->ended || then_close;
                 c->ring();
             });
}

void peers::hang_up(const connection_ptr& c)
{
    c->hung_up = true;
    time_.at(std::max(c->busy_until, time_.mono()) + c->latency,
             [c]
             {
                 c->ended = true;
                 c->ring();
             });
}

void peers::closed_by_client(const connection_ptr& c)
{
    --logs_.at(c->site).open;
    auto& log = logs_.at(c->site).by_source.at(c->source);
    --log.open;
    --providers_.at({sites_.at(c->site).provider, c->source}).open;
    if (!c->used)
    {
        log.failed_now = log.failed_at == time_.mono() ? log.failed_now + 1 : 1;
        log.failed_at = time_.mono();
    }
}

/// PIPELINING is offered: MAIL and RCPT come in one write.
void peers::note_mail(const connection& c, std::string_view commands)
{
    const auto rcpt = commands.find("RCPT TO:<");
    if (!commands.starts_with("MAIL FROM:<") || rcpt == std::string_view::npos)
    {
        return;
    }
    const std::string text(commands);
    logs_.at(c.site).mails.push_back(
        {time_.mono(), lease_time(in_brackets(text.substr(rcpt))), in_brackets(text), c.source});
    logs_.at(c.site).by_source.at(c.source).mails.push_back(time_.mono());
    providers_.at({sites_.at(c.site).provider, c.source}).mails.push_back(time_.mono());
}

void peers::receive(const connection_ptr& c, std::string bytes)
{
    c->line += bytes;
    while (!c->hung_up)
    {
        if (c->in_body)
        {
            const auto end = c->line.find(end_of_body);
            if (end == std::string::npos)
            {
                return;
            }
            c->in_body = false;
            auto message = c->line.substr(0, end + 2);
            c->line.erase(0, end + end_of_body.size());
            on_dot(c, std::move(message));
            continue;
        }
        const auto end = c->line.find("\r\n");
        if (end == std::string::npos)
        {
            return;
        }
        const auto line = c->line.substr(0, end);
        c->line.erase(0, end + 2);
        on_line(c, line);
    }
}

void peers::on_line(const connection_ptr& c, const std::string& line)
{
    const auto& model = sites_.at(c->site);
    const auto now = trouble_of(model);
    if (now && now->what == trouble::tarpit)
    {
        c->stuck = true;
    }
    if (line.starts_with("EHLO"))
    {
        say(c, "250-peer\r\n250-PIPELINING\r\n250 8BITMIME");
    }
    else if (line.starts_with("MAIL"))
    {
        c->from = in_brackets(line);
        c->rcpt.clear();
        auto& recent = recent_[c->site];
        std::erase_if(recent, [&](mono_time t) { return t <= time_.mono() - seconds{1}; });
        recent.push_back(time_.mono());
        const bool too_fast = model.messages_per_s != 0 && recent.size() > model.messages_per_s;
        if (too_fast || (now && now->what == trouble::mail_421))
        {
            say(c, too_fast ? "421 4.7.0 too fast" : "421 4.3.2 not now", true);
            return;
        }
        say(c, "250 2.1.0 ok");
    }
    else if (line.starts_with("RCPT"))
    {
        on_rcpt(c, line);
    }
    else if (line.starts_with("DATA"))
    {
        c->in_body = !c->rcpt.empty();
        say(c, c->in_body ? "354 go on" : "503 5.5.1 no recipient");
    }
    else if (line.starts_with("QUIT"))
    {
        say(c, "221 2.0.0 bye", true);
    }
    else
    {
        say(c, "250 2.0.0 ok");
    }
}

void peers::on_rcpt(const connection_ptr& c, const std::string& line)
{
    const auto& model = sites_.at(c->site);
    const auto who = in_brackets(line);
    const auto first = first_seen_.try_emplace(who, time_.mono()).first->second;
    if (std::hash<std::string>{}(who) % 100 < model.percent_bounced)
    {
        say(c, "550 5.1.1 no such user");
    }
    else if (model.greylist.count() != 0 && time_.mono() < first + model.greylist)
    {
        say(c, "451 4.7.1 greylisted");
    }
    else if (random_.chance(model.percent_deferred))
    {
        say(c, "450 4.2.1 busy");
    }
    else
    {
        c->rcpt = who;
        say(c, "250 2.1.5 ok");
    }
}

void peers::on_dot(const connection_ptr& c, std::string message)
{
    const auto& model = sites_.at(c->site);
    dot_record dot;
    dot.sent = time_.mono() - c->latency;
    dot.sent_wall = time_.wall() - c->latency;
    dot.connection = c->id;
    dot.life = c->life;
    dot.message = std::move(message);
    std::string answer = "250 2.0.0 queued";
    const auto now = trouble_of(model);
    c->stuck = c->stuck || (now && now->what == trouble::tarpit);
    if (random_.chance(model.percent_lost_at_dot))
    {
        dot.accepted = random_.chance(50);
        answer.clear();
    }
    else if (random_.chance(model.percent_deferred_at_dot))
    {
        answer = "451 4.3.0 try again";
    }
    else
    {
        dot.accepted = true;
    }
    trace_.add("dot " + std::to_string(c->id) + " " + c->rcpt + " " +
               (answer.empty() ? "lost" : answer));
    dots_[c->rcpt].push_back(std::move(dot));
    if (answer.empty())
    {
        hang_up(c);
    }
    else
    {
        say(c, std::move(answer));
    }
}

} // namespace hikyaku::sim
