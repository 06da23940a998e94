#pragma once

#include <filesystem>

#include <hikyaku/crm/change_stamps.h>
#include <hikyaku/crm/contacts.h>
#include <hikyaku/crm/import.h>
#include <hikyaku/crm/schema.h>
#include <hikyaku/crm/suppression.h>
#include <hikyaku/crm/uploads.h>
#include <hikyaku/jobs/jobs.h>

namespace hikyaku::crm
{

/// The customer database of one installation. `work` gets the module's kinds registered: build this
/// before jobs::run(), and stop `work` before this ends.
struct services
{
    /// Uploads go to data_dir/uploads.
    services(store::database& db, oplog::operation_log& log, const clock& clock,
             const std::filesystem::path& data_dir, jobs::jobs& work);
    services(const services&) = delete;
    services& operator=(const services&) = delete;

    change_stamps stamps;
    crm::schemas schemas;
    crm::contacts contacts;
    crm::suppressions suppressions;
    crm::uploads uploads;
    crm::importer importer;
};

} // namespace hikyaku::crm
