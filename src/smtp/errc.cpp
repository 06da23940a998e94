#include <hikyaku/smtp/errc.h>

#include <string>

namespace hikyaku::smtp
{
namespace
{

class category final : public boost::system::error_category
{
public:
    [[nodiscard]] const char* name() const noexcept override { return "smtp"; }
    [[nodiscard]] std::string message(int value) const override
    {
        switch (static_cast<errc>(value))
        {
        case errc::malformed_reply:
            return "the reply is not SMTP";
        case errc::oversize_reply:
            return "the reply is too long";
        }
        return "unknown SMTP error";
    }
};

} // namespace

const boost::system::error_category& smtp_category() noexcept
{
    static const category instance;
    return instance;
}

} // namespace hikyaku::smtp
