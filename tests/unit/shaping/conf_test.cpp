// conf/shaping.yaml is shipped: it must load, and its documented defaults must be the built-in
// ones.
#include <hikyaku/shaping/shaping_table.h>

#include <gtest/gtest.h>
#include <yaml-cpp/yaml.h>

#include <string>
#include <type_traits>

namespace hikyaku::shaping
{
namespace
{

void read(const YAML::Node& node, std::uint32_t& to)
{
    to = node.as<std::uint32_t>();
}
void read(const YAML::Node& node, bool& to)
{
    to = node.as<bool>();
}
void read(const YAML::Node& node, milliseconds& to)
{
    to = parse_duration(node.as<std::string>()).value();
}
void read(const YAML::Node& node, rate& to)
{
    to = parse_rate(node.as<std::string>()).value();
}
void read(const YAML::Node& node, tls_mode& to)
{
    to = parse_tls_mode(node.as<std::string>()).value();
}
void read(const YAML::Node& node, address_family& to)
{
    to = parse_address_family(node.as<std::string>()).value();
}
template <class T> void read(const YAML::Node& node, std::optional<T>& to)
{
    if (node.as<std::string>() != "none")
    {
        read(node, to.emplace());
    }
}

// Reads the limits of a map and returns how many keys it took.
std::size_t read_patch(const YAML::Node& map, limits_patch& patch)
{
    std::size_t taken = 0;
    for_each_limit(
        [&](std::string_view key, auto, auto member)
        {
            if (const YAML::Node node = map[std::string(key)])
            {
                typename std::remove_reference_t<decltype(patch.*member)>::value_type value{};
                read(node, value);
                patch.*member = value;
                ++taken;
            }
        });
    return taken;
}

const YAML::Node& file()
{
    static const YAML::Node node = YAML::LoadFile(HK_SOURCE_DIR "/conf/shaping.yaml");
    return node;
}

TEST(ShippedShaping, DefaultsAreTheBuiltInOnesAndComplete)
{
    EXPECT_EQ(file()["version"].as<int>(), 1);
    limits_patch patch;
    const std::size_t taken = read_patch(file()["default"], patch);
    EXPECT_EQ(taken, file()["default"].size());
    const site_limits built_in;
    std::size_t keys = 0;
    for_each_limit(
        [&](std::string_view key, auto limit, auto member)
        {
            ++keys;
            ASSERT_TRUE((patch.*member).has_value()) << key;
            EXPECT_TRUE(*(patch.*member) == built_in.*limit) << key;
        });
    EXPECT_EQ(taken, keys);
}

TEST(ShippedShaping, RetryIsTheBuiltInOne)
{
    const YAML::Node retry = file()["retry"];
    retry_policy policy;
    policy.steps.clear();
    for (const auto& step : retry["steps"])
    {
        policy.steps.push_back(parse_duration(step.as<std::string>()).value());
    }
    policy.jitter_percent = retry["jitter_percent"].as<unsigned>();
    policy.expire_after = parse_duration(retry["expire_after"].as<std::string>()).value();
    EXPECT_EQ(policy, retry_policy{});
}

TEST(ShippedShaping, ProvidersLoadAndMatch)
{
    shaping_table table;
    for (const YAML::Node& node : file()["providers"])
    {
        provider_rule rule;
        rule.name = node["name"].as<std::string>();
        rule.mx_suffix = node["mx_suffix"].as<std::vector<std::string>>(std::vector<std::string>{});
        rule.domains = node["domains"].as<std::vector<std::string>>(std::vector<std::string>{});
        const std::size_t names =
            1 + (node["mx_suffix"] ? 1 : 0) + (node["domains"] ? 1 : 0) + (node["rules"] ? 1 : 0);
        EXPECT_EQ(read_patch(node, rule.limits) + names, node.size()) << rule.name;
        const auto added = table.add_provider(rule);
        EXPECT_TRUE(added.has_value()) << added.error().text;
    }
    struct
    {
        const char* domain;
        const char* mx;
        const char* provider;
    } const rows[] = {
        {"gmail.com", "gmail-smtp-in.l.google.com", "google"},
        {"yahoo.com", "mta5.am0.yahoodns.net", "yahoo"},
        {"hotmail.com", "hotmail-com.olc.protection.outlook.com", "outlook"},
        {"shop.example", "shop-example.mail.protection.outlook.com", "microsoft365"},
        {"shop.example", "shop-example.b-v1.mx.microsoft", "microsoft365"},
        {"icloud.com", "mx01.mail.icloud.com", "icloud"},
        {"shop.example", "eu-smtp-inbound-1.mimecast.com", "mimecast"},
        {"gmx.ch", "mx00.gmx.net", "gmx"},
        {"docomo.ne.jp", "mfsmax.docomo.ne.jp", "docomo"},
        {"ezweb.ne.jp", "lsean.ezweb.ne.jp", "au"},
        {"i.softbank.jp", "mx.i.softbank.jp", "softbank"},
        {"rakumail.jp", "mx.example.net", "rakuten-mobile"},
        {"yahoo.co.jp", "mx1.mail.yahoo.co.jp", "yahoo-japan"},
        {"wanadoo.fr", "smtp-in.orange.fr", "orange"},
        {"shop.example", "mx.shop.example", ""},
    };
    for (const auto& row : rows)
    {
        EXPECT_EQ(table.provider_of(row.domain, std::vector<std::string>{row.mx}), row.provider);
    }
    const auto docomo = table.effective("docomo.ne.jp", {});
    EXPECT_EQ(docomo.limits.recipients_per_transaction, 1U);
    EXPECT_EQ(docomo.limits.connections_max, 2U);
}

} // namespace
} // namespace hikyaku::shaping
