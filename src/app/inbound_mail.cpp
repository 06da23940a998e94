#include "daemon.h"

#include <hikyaku/base/log.h>
#include <hikyaku/config/options.h>

namespace hikyaku::app
{
namespace
{

/// What comes in is for `to` only. @param to  outlives the server
smtpd::mail_handler make_handler(feedback::intake& to)
{
    const auto told = [](feedback::answer a)
    { return smtpd::reply_text{a.code, std::move(a.text)}; };
    smtpd::mail_handler out;
    out.check_recipient = [&to, told](std::string_view recipient)
    { return told(to.check_recipient(recipient)); };
    out.deliver = [&to, told](const smtpd::inbound_mail& m)
    { return told(to.deliver({m.peer, m.mail_from, m.recipients, m.message})); };
    return out;
}

} // namespace

result<void, failure> daemon::open_smtpd()
{
    auto options = config::make_smtpd_options(settings_);
    if (!options)
    {
        return {};
    }
    const std::string address = options->address;
    smtpd_ = std::make_unique<smtpd::server>(std::move(*options), make_handler(*intake_),
                                             system_clock());
    const auto port = smtpd_->start();
    if (port.has_error())
    {
        return failure{"smtp: " + port.error().text};
    }
    metrics_->watch(*smtpd_);
    log::info("listening", {{"name", "smtp"}, {"address", address + ":" + std::to_string(*port)}});
    return {};
}

} // namespace hikyaku::app
