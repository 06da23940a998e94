#pragma once

#include <string>

#include <hikyaku/smtp/transaction.h>

namespace hikyaku::delivery
{

/// One word for why a transaction ended as it did: the `class` of the delivery log. From the
/// verdict, the stage and the enhanced code; texts of providers are not looked at here.
[[nodiscard]] std::string reply_class(const smtp::transaction_result& result);
/// The same from parts, for failures that have no transaction.
[[nodiscard]] std::string reply_class(int code, const smtp::enhanced_code& enhanced,
                                      smtp::stage stage);

} // namespace hikyaku::delivery
