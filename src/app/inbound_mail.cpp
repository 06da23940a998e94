#include "daemon.h"

#include <hikyaku/base/log.h>
#include <hikyaku/config/options.h>

namespace hikyaku::app
{
namespace
{

/// Nobody takes mail in yet: every recipient is refused.
smtpd::mail_handler make_handler()
{
    smtpd::mail_handler out;
    out.check_recipient = [](std::string_view)
    { return smtpd::reply_text{550, "5.1.1 No such address here"}; };
    out.deliver = [](const smtpd::inbound_mail&)
    { return smtpd::reply_text{550, "5.1.1 No such address here"}; };
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
    smtpd_ = std::make_unique<smtpd::server>(std::move(*options), make_handler(), system_clock());
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
