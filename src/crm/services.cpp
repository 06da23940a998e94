#include <hikyaku/crm/services.h>

namespace hikyaku::crm
{

services::services(store::database& db, oplog::operation_log& log, const clock& clock,
                   const std::filesystem::path& data_dir, jobs::jobs& work)
    : schemas(db, log), contacts(db, log, schemas, stamps, clock),
      suppressions(db, log, stamps, clock), uploads(db, log, clock, data_dir / "uploads"),
      importer(db, log, schemas, stamps, uploads, clock)
{
    work.register_kind(std::string(import_kind),
                       [this](jobs::context& c) { return importer.run(c); });
}

} // namespace hikyaku::crm
