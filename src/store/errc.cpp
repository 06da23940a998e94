#include <hikyaku/store/errc.h>

namespace hikyaku::store
{
namespace
{

class category final : public boost::system::error_category
{
public:
    const char* name() const noexcept override { return "hikyaku.store"; }
    std::string message(int value) const override
    {
        switch (static_cast<errc>(value))
        {
        case errc::corrupt:
            return "stored data failed its checksum; the log names the file";
        case errc::no_tenant:
            return "the tenant does not exist, or was dropped meanwhile; nothing was written";
        case errc::other_version:
            return "the data directory belongs to another version of hikyaku; see the log";
        case errc::locked:
            return "another process holds the data directory; stop it first";
        case errc::open_failed:
            return "the store could not be opened; the log says why";
        case errc::tenant_damaged:
            return "the head of the tenant's journal is damaged, so nothing was written; the log "
                   "names the file: restore it from a backup";
        }
        return "unknown store error";
    }
};

} // namespace

error_code make_error_code(errc e) noexcept
{
    static const category instance;
    return {static_cast<int>(e), instance};
}

} // namespace hikyaku::store
