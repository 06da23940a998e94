#pragma once

#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <memory>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include <gtest/gtest.h>

#include <hikyaku/api/context.h>
#include <hikyaku/api/routes.h>
#include <hikyaku/crypto/master_key.h>

#include <rocksdb/env.h>

namespace hikyaku::api
{

/// The services over a store in memory, two tenants, and requests given straight to the routers.
class ApiTest : public testing::Test
{
protected:
    using headers = std::vector<std::pair<std::string, std::string>>;

    void SetUp() override
    {
        std::string name = (std::filesystem::temp_directory_path() / "hk-api-XXXXXX").string();
        directory_ = ::mkdtemp(name.data());
        env_.reset(rocksdb::NewMemEnv(rocksdb::Env::Default()));
        token_file_ = directory_ / "token";
        ASSERT_TRUE(identity::operator_token::generate_to_file(token_file_.string()).has_value());
        open();
        const auto one = tenants_->create(oplog::system_actor(), "Shop", "admin@shop.example");
        const auto two = tenants_->create(oplog::system_actor(), "Other", "admin@other.example");
        ASSERT_TRUE(one.has_value() && two.has_value());
        tenant_ = one->row.id;
        key_ = one->key_text;
        other_key_ = two->key_text;
    }
    void TearDown() override
    {
        close();
        std::filesystem::remove_all(directory_);
    }
    void open()
    {
        store::options opts;
        opts.path = "/data";
        opts.env = env_.get();
        auto opened = store::database::open(opts);
        ASSERT_TRUE(opened.has_value());
        db_ = std::move(*opened);
        log_ = std::make_unique<oplog::operation_log>(*db_, system_clock());
        auto all = identity::tenants::open({*db_, *log_, system_clock(), ids_, system_random()});
        ASSERT_TRUE(all.has_value());
        tenants_ = std::move(*all);
        keys_ = std::make_unique<identity::api_keys>(identity::api_keys::dependencies{
            *db_, *log_, *tenants_, system_clock(), ids_, system_random()});
        domains_ = std::make_unique<identity::sender_domains>(
            identity::sender_domains::dependencies{*db_, *log_, master_, system_clock(), ids_},
            identity::sender_domain_options{});
        work_ = std::make_unique<hikyaku::jobs::jobs>(
            *db_, *log_, system_clock(), hikyaku::jobs::jobs_options{.dir = directory_ / "jobs"});
        crm_ = std::make_unique<crm::services>(*db_, *log_, system_clock(), directory_, *work_);
        work_->run();
        idempotency_ = std::make_unique<idempotency>(*db_, system_clock());
        auto token = identity::operator_token::load_file(token_file_.string());
        ASSERT_TRUE(token.has_value());
        token_ = std::make_unique<identity::operator_token>(std::move(*token));
        all_.reset(new services{.db = *db_,
                                .log = *log_,
                                .tenants = *tenants_,
                                .keys = *keys_,
                                .domains = *domains_,
                                .crm_data = *crm_,
                                .work = *work_,
                                .disk = disk_,
                                .clock_source = system_clock(),
                                .ids = ids_,
                                .idempotency = *idempotency_,
                                .token = token_.get(),
                                .own_uid = 4242,
                                .version = "test",
                                .started = system_clock().wall()});
        routes_ = http::router();
        platform_ = http::router();
        add_tenant_routes(routes_, *all_);
        add_platform_routes(platform_, *all_);
    }
    void close()
    {
        all_.reset();
        idempotency_.reset();
        if (work_)
        {
            work_->stop();
        }
        crm_.reset();
        work_.reset();
        domains_.reset();
        keys_.reset();
        tenants_.reset();
        log_.reset();
        db_.reset();
    }

    /// Percent-decoding is the server's: paths here are plain.
    http::response send_to(http::router& routes, http::request r)
    {
        const auto path = r.target.substr(0, r.target.find('?'));
        r.path = path;
        for (std::size_t at = r.target.find('?'); at != std::string::npos;)
        {
            const auto end = r.target.find('&', at + 1);
            const auto pair = r.target.substr(at + 1, end - at - 1);
            const auto equals = std::min(pair.find('='), pair.size());
            r.query.add(pair.substr(0, equals), pair.substr(std::min(equals + 1, pair.size())));
            at = end;
        }
        r.remote_address = "192.0.2.1";
        r.request_id = "req_1";
        r.body_bytes = r.body.size();
        const auto match = routes.match(r.method, path);
        if (match.found == nullptr)
        {
            return http::response::empty(match.allow.empty() ? 404 : 405);
        }
        r.parameters = match.parameters;
        r.route = match.found->options.name;
        if (match.found->options.spool_body_to_file)
        {
            r.body_file = directory_ / ("spooled" + std::to_string(++spooled_));
            std::ofstream(r.body_file, std::ios::binary) << r.body;
            r.body.clear();
        }
        return match.found->run(r);
    }
    http::response send(std::string_view method, std::string_view target,
                        std::string_view body = {}, const headers& more = {},
                        std::string_view key = "own")
    {
        http::request r;
        r.method = method;
        r.target = target;
        r.body = body;
        bool typed = false;
        for (const auto& [name, value] : more)
        {
            typed = typed || name == "Content-Type";
            r.headers.add(name, value);
        }
        if (!body.empty() && !typed)
        {
            r.headers.add("Content-Type", "application/json");
        }
        const std::string text = key == "own" ? key_ : std::string(key);
        if (!text.empty())
        {
            r.headers.add("Authorization", "Bearer " + text);
        }
        return send_to(routes_, std::move(r));
    }
    http::response operate(std::string_view method, std::string_view target,
                           std::string_view body = {}, std::uint32_t uid = 4242,
                           const headers& more = {})
    {
        http::request r;
        r.method = method;
        r.target = target;
        r.body = body;
        if (!body.empty())
        {
            r.headers.add("Content-Type", "application/json");
        }
        for (const auto& [name, value] : more)
        {
            r.headers.add(name, value);
        }
        r.over_unix_socket = true;
        r.peer = http::peer_credentials{uid, uid, 1};
        return send_to(platform_, std::move(r));
    }
    /// The text of a key with these scopes only.
    std::string make_key(identity::scope_set scopes)
    {
        return keys_->create(oplog::system_actor(), tenant_, "narrow", scopes).value().text;
    }
    static json::value parse(const http::response& r)
    {
        auto parsed = parse_json(r.body);
        EXPECT_TRUE(parsed.has_value()) << r.body;
        return parsed ? *parsed : json::value(json::object{});
    }
    static std::string code_of(const http::response& r) { return r.details ? r.details->code : ""; }
    static std::string pointer_of(const http::response& r)
    {
        return r.details && !r.details->errors.empty() ? r.details->errors.front().pointer : "";
    }
    std::string create_contact(const std::string& email)
    {
        const auto made =
            send("POST", "/v1/contacts", R"({"fields":{"email":")" + email + R"("}})");
        EXPECT_EQ(made.status, 201U) << made.body;
        return std::string(parse(made).at("id").as_string());
    }

    std::filesystem::path directory_;
    std::filesystem::path token_file_;
    std::unique_ptr<rocksdb::Env> env_;
    id_source ids_{system_clock()};
    crypto::master_key master_{crypto::sha256("a key for tests")};
    std::uint64_t free_ = std::uint64_t{1} << 40;
    store::disk_guard disk_{"/", 1000, 0, [this](const std::string&) { return free_; }};
    std::unique_ptr<store::database> db_;
    std::unique_ptr<oplog::operation_log> log_;
    std::unique_ptr<identity::tenants> tenants_;
    std::unique_ptr<identity::api_keys> keys_;
    std::unique_ptr<identity::sender_domains> domains_;
    std::unique_ptr<hikyaku::jobs::jobs> work_;
    std::unique_ptr<crm::services> crm_;
    std::unique_ptr<idempotency> idempotency_;
    std::unique_ptr<identity::operator_token> token_;
    std::unique_ptr<services> all_;
    http::router routes_;
    http::router platform_;
    tenant_id tenant_;
    std::string key_;
    std::string other_key_;
    std::atomic<int> spooled_{0};
};

} // namespace hikyaku::api
