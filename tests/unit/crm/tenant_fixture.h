#pragma once

#include <hikyaku/crm/contacts.h>
#include <hikyaku/crm/suppression.h>

#include <gtest/gtest.h>

#include <memory>
#include <string>

#include <rocksdb/env.h>

namespace hikyaku::crm
{

/// A database in memory with two tenants and the services over it.
class tenant_fixture : public testing::Test
{
protected:
    void SetUp() override
    {
        env_.reset(rocksdb::NewMemEnv(rocksdb::Env::Default()));
        open();
        for (const tenant_id t : {tenant_, other_})
        {
            auto c = log_->begin_new(t, who_, "tenant.create");
            c.commit();
        }
    }
    /// Opens the database anew: what is seen then came from its rows.
    void open()
    {
        suppressions_.reset();
        contacts_.reset();
        schemas_.reset();
        log_.reset();
        db_.reset();
        store::options opts;
        opts.path = "/data";
        opts.env = env_.get();
        auto opened = store::database::open(opts);
        ASSERT_TRUE(opened.has_value());
        db_ = std::move(*opened);
        log_ = std::make_unique<oplog::operation_log>(*db_, system_clock());
        schemas_ = std::make_unique<schemas>(*db_, *log_);
        contacts_ = std::make_unique<contacts>(*db_, *log_, *schemas_, stamps_, system_clock());
        suppressions_ = std::make_unique<suppressions>(*db_, *log_, stamps_, system_clock());
    }
    [[nodiscard]] std::shared_ptr<const store::tenant_store> rows() const
    {
        return db_->find_tenant(tenant_);
    }
    /// Keys with the prefix, in order.
    [[nodiscard]] std::vector<std::string> keys(std::string_view prefix) const
    {
        std::vector<std::string> out;
        const auto from = rows();
        for (auto it = from->scan_prefix(prefix); it.valid(); it.next())
        {
            out.emplace_back(it.key());
        }
        return out;
    }
    [[nodiscard]] field add_field(std::string name, field_type type, bool update_key = false)
    {
        field f;
        f.name = name;
        f.label = "label of " + name;
        f.type = type;
        f.update_key = update_key;
        return schemas_->create(tenant_, who_, f).value();
    }
    [[nodiscard]] contact add(std::string email, values more = {})
    {
        more.insert(more.begin(), {email_field, value{std::move(email)}});
        return contacts_->create(tenant_, who_, std::move(more)).value();
    }
    [[nodiscard]] std::string last_verb() const
    {
        return log_->list(tenant_, {}, 0, 1)->front().operation;
    }

    const tenant_id tenant_{9};
    const tenant_id other_{10};
    const oplog::actor who_{"key one", "admins", "192.0.2.1", "req_1"};
    std::unique_ptr<rocksdb::Env> env_;
    std::unique_ptr<store::database> db_;
    std::unique_ptr<oplog::operation_log> log_;
    std::unique_ptr<schemas> schemas_;
    change_stamps stamps_;
    std::unique_ptr<contacts> contacts_;
    std::unique_ptr<suppressions> suppressions_;
};

} // namespace hikyaku::crm
