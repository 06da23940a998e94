#include <hikyaku/net/io_result.h>

namespace hikyaku::net
{
namespace
{

class category final : public boost::system::error_category
{
public:
    [[nodiscard]] const char* name() const noexcept override { return "net"; }
    [[nodiscard]] std::string message(int value) const override
    {
        switch (static_cast<errc>(value))
        {
        case errc::timed_out:
            return "timed out";
        case errc::end_of_stream:
            return "closed by the peer";
        case errc::tls_failed:
            return "TLS failed";
        case errc::closed:
            return "closed by us";
        case errc::forbidden_address:
            return "the address is in a forbidden network";
        }
        return "unknown network error";
    }
};

} // namespace

const boost::system::error_category& net_category() noexcept
{
    static const category instance;
    return instance;
}

} // namespace hikyaku::net
