#include "session.h"

#include "reply_class.h"

#include <hikyaku/base/assert.h>
#include <hikyaku/base/log.h>
#include <hikyaku/resolver/asio_address.h>
#include <hikyaku/smtp/path.h>

#include <algorithm>

namespace hikyaku::delivery
{
namespace
{

/// A session asks for more when it has this many left, so that loading overlaps with sending.
constexpr std::size_t low_mark = 6;

/// How long an address may take to answer while the host has one of the other family.
constexpr milliseconds other_family_after{2'000};

queue::disposition to_disposition(smtp::verdict v)
{
    switch (v)
    {
    case smtp::verdict::delivered:
        return queue::disposition::delivered;
    case smtp::verdict::deferred:
        return queue::disposition::deferred;
    case smtp::verdict::bounced:
        return queue::disposition::bounced;
    case smtp::verdict::unknown:
        return queue::disposition::unknown;
    case smtp::verdict::refused_locally:
        return queue::disposition::failed;
    case smtp::verdict::not_attempted:
        break;
    }
    HK_ASSERT(v != smtp::verdict::not_attempted);
    return queue::disposition::failed;
}

smtp::tls_mode to_session_mode(shaping::tls_mode mode)
{
    switch (mode)
    {
    case shaping::tls_mode::off:
        return smtp::tls_mode::none;
    case shaping::tls_mode::opportunistic:
        return smtp::tls_mode::opportunistic;
    case shaping::tls_mode::required:
    case shaping::tls_mode::verified:
        return smtp::tls_mode::required;
    }
    return smtp::tls_mode::opportunistic;
}

} // namespace

session::session(shard& owner, session_id id, std::shared_ptr<const connection_plan> plan,
                 std::vector<work> first)
    : owner_(owner), id_(id), plan_(std::move(plan)),
      queue_(std::make_move_iterator(first.begin()), std::make_move_iterator(first.end())),
      wake_(owner.make_timer())
{
    report_.session = id;
}

std::uint32_t session::ms_since(mono_time t) const
{
    return static_cast<std::uint32_t>(
        std::chrono::duration_cast<milliseconds>(owner_.time().mono() - t).count());
}

asio::awaitable<void> session::run()
{
    report_.connect_failed = true;
    report_.refused_address = true;
    for (const auto& host : plan_->mx->hosts)
    {
        if (plan_->skipped.contains(host.name))
        {
            continue;
        }
        co_await try_host(host);
        if (!report_.connect_failed || cut_ || owner_.draining())
        {
            break;
        }
    }
    report_.connected = got_message_ask_;
    report_.connect_ms = connect_ms_;
    if (next_)
    {
        report_.unsent.push_back(std::move(*next_));
    }
    report_.unsent.insert(report_.unsent.end(), std::make_move_iterator(queue_.begin()),
                          std::make_move_iterator(queue_.end()));
    // Stopping says nothing about the site.
    report_.connect_failed = report_.connect_failed && !over();
    if (report_.connect_failed && !tried_any_)
    {
        report_.refused_address = false;
        report_.end.stage = smtp::stage::connect;
        report_.end.text = "no address of the mail hosts can be reached from this source";
        report_.end.site_failure = true;
    }
    // Gone from the shard's count before the scheduler hears of it.
    owner_.remove(id_);
    owner_.events().session_over(std::move(report_));
}

asio::awaitable<void> session::try_host(const dns::mx_host& host)
{
    const auto addresses = addresses_of(host);
    for (std::size_t i = 0; i < addresses.size(); ++i)
    {
        // With the other family still to try, one that doesn't answer is left soon.
        const bool other_left =
            std::any_of(addresses.begin() + static_cast<std::ptrdiff_t>(i) + 1, addresses.end(),
                        [&](const auto& a) { return a.is_v4() != addresses[i].is_v4(); });
        const auto patience = owner_.options().connect_timeout;
        co_await try_address(host, addresses[i],
                             other_left ? std::min(patience, other_family_after) : patience);
        if (!report_.connect_failed || cut_ || owner_.draining())
        {
            co_return;
        }
    }
}

/// The host's addresses that the source can reach, in the order of the policy.
std::vector<dns::ip_address> session::addresses_of(const dns::mx_host& host) const
{
    using family = shaping::address_family;
    const auto policy = plan_->limits.address_family;
    const bool v4 = policy != family::ipv6 && (!plan_->local_v4.empty() || plan_->local_v6.empty());
    const bool v6 = policy != family::ipv4 && (!plan_->local_v6.empty() || plan_->local_v4.empty());
    std::vector<dns::ip_address> first;
    std::vector<dns::ip_address> second;
    const bool v6_first = policy != family::prefer_ipv4;
    for (const auto& a : host.addresses)
    {
        if (a.is_v4() ? v4 : v6)
        {
            (a.is_v4() != v6_first ? first : second).push_back(a);
        }
    }
    if (policy != family::interleave)
    {
        first.insert(first.end(), second.begin(), second.end());
        return first;
    }
    std::vector<dns::ip_address> out;
    for (std::size_t i = 0; i < std::max(first.size(), second.size()); ++i)
    {
        if (i < first.size())
        {
            out.push_back(first[i]);
        }
        if (i < second.size())
        {
            out.push_back(second[i]);
        }
    }
    return out;
}

asio::awaitable<void> session::try_address(const dns::mx_host& host, const dns::ip_address& address,
                                           milliseconds timeout)
{
    bool in_the_clear = false;
    while (true)
    {
        net::dial_target target;
        target.remote = {resolver::to_asio(address), plan_->port};
        target.timeout = timeout;
        const std::string& local = address.is_v4() ? plan_->local_v4 : plan_->local_v6;
        if (!local.empty())
        {
            error_code ec;
            const auto parsed = asio::ip::make_address(local, ec);
            if (!ec)
            {
                target.local = parsed;
            }
        }
        mx_ = host.name;
        report_.mx = host.name;
        co_await pass_dial_gate();
        if (over())
        {
            co_return;
        }
        dialled_ = owner_.time().mono();
        if (listening())
        {
            tell(trace_event::kind::connecting, target.remote.address().to_string());
        }
        tried_any_ = true;
        const auto dialled = co_await owner_.dialer(plan_->is_route).dial(std::move(target));
        if (!dialled.ok())
        {
            report_.refused_address =
                report_.refused_address && dialled.ec == net::errc::forbidden_address;
            report_.end = {};
            report_.end.stage = smtp::stage::connect;
            report_.end.text = dialled.ec.message();
            report_.end.site_failure = true;
            if (listening())
            {
                tell(trace_event::kind::closed, report_.end.text);
            }
            co_return;
        }
        report_.refused_address = false;
        const bool again = co_await converse(*dialled.stream, host, in_the_clear);
        if (!again)
        {
            co_return;
        }
        in_the_clear = true;
    }
}

/// The rate of new connections, at the moment of dialling.
asio::awaitable<void> session::pass_dial_gate()
{
    while (!over())
    {
        const auto opens = plan_->dial_gate->pass(owner_.time().mono());
        if (!opens)
        {
            break;
        }
        wake_->expires_at(*opens);
        co_await wait();
    }
}

/// @returns true when the host should be dialled once more without TLS.
asio::awaitable<bool> session::converse(net::stream& stream, const dns::mx_host& host,
                                        bool in_the_clear)
{
    smtp::session_options options;
    options.ehlo_name = plan_->ehlo_name;
    options.tls_server_name = smtp::is_safe_host_name(host.name) ? host.name : "";
    options.tls = to_session_mode(plan_->limits.tls);
    options.tls_already_failed = in_the_clear;
    options.timeouts = owner_.options().timeouts;
    options.messages_per_connection = plan_->limits.messages_per_connection;
    options.session_max = std::chrono::duration_cast<seconds>(plan_->limits.session_max);
    smtp::client_session machine(std::move(options));
    stream_ = &stream;
    const auto end = co_await run_session(stream, machine, *this, owner_.time(), this);
    stream_ = nullptr;
    if (listening())
    {
        tell(trace_event::kind::closed, end.text);
    }
    report_.end = end;
    if (got_message_ask_)
    {
        report_.connect_failed = false;
        co_return false;
    }
    const bool may_go_plain = end.tls == smtp::tls_outcome::failed && !in_the_clear &&
                              plan_->limits.tls == shaping::tls_mode::opportunistic;
    co_return may_go_plain && !cut_ && !owner_.draining();
}

void session::give(std::vector<work> more)
{
    asked_ = false;
    auto front =
        std::find_if(queue_.begin(), queue_.end(), [](const work& w) { return !w.transactional; });
    auto at = static_cast<std::size_t>(front - queue_.begin());
    for (auto& w : more)
    {
        if (w.transactional)
        {
            queue_.insert(queue_.begin() + static_cast<std::ptrdiff_t>(at++), std::move(w));
        }
        else
        {
            queue_.push_back(std::move(w));
        }
    }
    wake();
}

void session::wake()
{
    wake_->cancel();
}

void session::cut()
{
    cut_ = true;
    if (stream_ != nullptr)
    {
        stream_->close();
    }
    wake();
}

void session::retire()
{
    retired_ = true;
    wake();
}

void session::finish()
{
    finishing_ = true;
    wake();
}

bool session::over() const
{
    return cut_ || retired_ || owner_.draining();
}

asio::awaitable<void> session::wait()
{
    (void)co_await wake_->wait();
    wake_->expires_at(mono_time::max());
}

void session::ask_for_more()
{
    if (!asked_ && queue_.size() <= low_mark && !owner_.draining())
    {
        asked_ = true;
        owner_.events().session_wants(id_);
    }
}

asio::awaitable<std::optional<smtp::envelope>> session::next_message()
{
    if (!got_message_ask_)
    {
        got_message_ask_ = true;
        owner_.events().session_connected(id_);
        connect_ms_ = ms_since(dialled_);
    }
    while (true)
    {
        if (over())
        {
            co_return std::nullopt;
        }
        ask_for_more();
        std::optional<mono_time> gate_opens;
        if (next_ || !queue_.empty())
        {
            gate_opens = pass_gates();
            if (!gate_opens)
            {
                if (take_next())
                {
                    break;
                }
                leave_gates();
            }
        }
        if (finishing_ && !next_ && queue_.empty())
        {
            co_return std::nullopt;
        }
        // All that was there may have been stale: nobody gives to a session that has not asked.
        ask_for_more();
        const auto idle_until = owner_.time().mono() + plan_->limits.idle_max;
        wake_->expires_at(gate_opens ? *gate_opens : idle_until);
        co_await wait();
        if (!gate_opens && queue_.empty() && owner_.time().mono() >= idle_until)
        {
            co_return std::nullopt;
        }
    }
    ++given_;
    smtp::envelope e;
    e.mail_from = message_.mail_from;
    e.rcpt_to = current_->recipient;
    e.message = message_.message;
    e.is_8bit = message_.is_8bit;
    e.needs_smtputf8 = message_.needs_smtputf8;
    began_ = owner_.time().mono();
    co_return e;
}

/// Renders the next work that can be sent; failed and stale ones are dealt with on the way.
bool session::prepare(std::optional<work>& slot, rendered& into)
{
    while (!queue_.empty())
    {
        work w = std::move(queue_.front());
        queue_.pop_front();
        if (!owner_.to_campaigns().still_valid(w))
        {
            hand_back(std::move(w));
            continue;
        }
        const auto made = owner_.to_campaigns().render(w, owner_.index(), into);
        if (made.has_error())
        {
            record_failure(w, into.id_domain, made.error().text);
            continue;
        }
        slot = std::move(w);
        return true;
    }
    return false;
}

/// The message rates of the path and of its provider, at the moment of sending.
/// @returns nullopt: go. Otherwise when to ask again.
std::optional<mono_time> session::pass_gates()
{
    const auto now = owner_.time().mono();
    auto closed_until = plan_->gate->pass(now);
    if (!closed_until && plan_->provider_gate != nullptr)
    {
        closed_until = plan_->provider_gate->pass(now);
        if (closed_until)
        {
            plan_->gate->give_back();
        }
    }
    return closed_until;
}

void session::leave_gates()
{
    plan_->gate->give_back();
    if (plan_->provider_gate != nullptr)
    {
        plan_->provider_gate->give_back();
    }
}

/// The message that is sent now: the one that was prepared, unless it has become stale.
bool session::take_next()
{
    if (next_)
    {
        if (owner_.to_campaigns().still_valid(*next_))
        {
            current_ = std::exchange(next_, std::nullopt);
            std::swap(message_, next_message_);
            return true;
        }
        hand_back(std::move(*std::exchange(next_, std::nullopt)));
    }
    return prepare(current_, message_);
}

void session::hand_back(work w)
{
    std::vector<work> stale;
    stale.push_back(std::move(w));
    owner_.events().returned(std::move(stale));
}

void session::prefetch()
{
    const bool is_last = given_ >= plan_->limits.messages_per_connection;
    if (next_ || is_last || over())
    {
        return;
    }
    ask_for_more();
    (void)prepare(next_, next_message_);
}

smtp::permission session::ask_permission()
{
    HK_ASSERT(current_.has_value());
    if (!owner_.to_campaigns().still_valid(*current_))
    {
        return smtp::permission::refused;
    }
    return owner_.is_durable(last_attempt_) ? smtp::permission::granted : smtp::permission::wait;
}

asio::awaitable<bool> session::wait_permission()
{
    while (!owner_.is_durable(last_attempt_) && !cut_)
    {
        owner_.wait_durable(*this, last_attempt_);
        co_await wait();
        owner_.forget_waiter(*this);
    }
    co_return !cut_ && owner_.to_campaigns().still_valid(*current_);
}

void session::fill_common(queue::fact& f, const work& w) const
{
    f.at = owner_.time().wall();
    f.recipient = w.recipient;
    const auto at = w.recipient.rfind('@');
    f.domain = at == std::string::npos ? std::string() : w.recipient.substr(at + 1);
    f.site = plan_->site;
    f.mx = mx_;
    f.source = plan_->source;
    f.attempt = w.l.state.attempts + 1;
    f.connect_ms = connect_ms_;
}

void session::fill_reply(queue::fact& f, const smtp::transaction_result& result) const
{
    f.what = to_disposition(result.verdict);
    classify(f, *plan_->classifier, result);
    f.code = static_cast<std::uint16_t>(result.code);
    f.enhanced = smtp::format_enhanced_code(result.enhanced);
    f.reply = result.text;
    f.stage = smtp::to_string(result.stage);
    f.bytes = result.bytes;
    f.session_ms = ms_since(began_);
    f.dkim = message_.dkim;
    f.id_domain = message_.id_domain;
    const auto tls = stream_ != nullptr ? stream_->tls() : std::nullopt;
    if (tls)
    {
        f.tls_version = tls->version;
        f.tls_cipher = tls->cipher;
        f.tls_verified = tls->verified;
    }
}

void session::settle(const smtp::transaction_result& result)
{
    HK_ASSERT(current_.has_value());
    if (result.verdict == smtp::verdict::not_attempted)
    {
        hand_back(std::move(*std::exchange(current_, std::nullopt)));
        return;
    }
    attempt a;
    a.o.l = current_->l;
    fill_common(a.o.f, *current_);
    fill_reply(a.o.f, result);
    if (result.verdict == smtp::verdict::unknown &&
        message_.message.size() <= owner_.options().unknown_bytes_max)
    {
        a.o.kept_bytes = message_.message;
    }
    a.enhanced = result.enhanced;
    a.stage = result.stage;
    a.completed = result.stage == smtp::stage::final_dot && result.code != 0;
    a.site_failure = result.site_failure;
    current_.reset();
    push(std::move(a));
}

void session::record_failure(const work& w, const std::string& id_domain, const std::string& text)
{
    attempt a;
    a.o.l = w.l;
    fill_common(a.o.f, w);
    a.o.f.mx.clear();
    a.o.f.id_domain = id_domain;
    a.o.f.what = queue::disposition::failed;
    a.o.f.reply = text;
    a.o.f.cls = "render_error";
    push(std::move(a));
}

void session::push(attempt a)
{
    a.session = id_;
    last_attempt_ = owner_.add_attempt(std::move(a));
}

} // namespace hikyaku::delivery
