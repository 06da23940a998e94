#include <hikyaku/http/router.h>

#include <gtest/gtest.h>

#include <string>

namespace hikyaku::http
{
namespace
{

router make_router()
{
    router routes;
    const auto nothing = [](request&) { return response::empty(204); };
    for (const auto* const text :
         {"GET /", "GET /v1/contacts", "POST /v1/contacts", "POST /v1/contacts:import",
          "GET /v1/contacts/{id}", "PATCH /v1/contacts/{id}", "PUT /v1/contacts/by/{field}/{value}",
          "GET /v1/contacts/{id}/deliveries", "POST /v1/campaigns/{id}:start",
          "GET /v1/campaigns/{id}", "POST /v1/campaigns/{id}/recipients/{rid}:explain",
          "GET /v1/messages/{id}", "POST /v1/messages/raw", "GET /v1/x/{a}/c", "GET /v1/x/b/d"})
    {
        const std::string_view row = text;
        const auto space = row.find(' ');
        routes.add(row.substr(0, space), row.substr(space + 1), nothing);
    }
    return routes;
}

struct route_row
{
    const char* name;
    const char* method;
    const char* path;
    /// Route name and parameters, "404", or "405 Allow".
    const char* outcome;
};

class Routing : public testing::TestWithParam<route_row>
{
};

TEST_P(Routing, FindsTheMostSpecificPattern)
{
    const auto routes = make_router();
    const auto match = routes.match(GetParam().method, GetParam().path);
    std::string outcome = match.allow.empty() ? "404" : "405 " + match.allow;
    if (match.found != nullptr)
    {
        outcome = match.found->options.name;
        for (const auto& [name, value] : match.parameters)
        {
            outcome += " " + name + "=" + value;
        }
    }
    EXPECT_EQ(outcome, GetParam().outcome);
}

INSTANTIATE_TEST_SUITE_P(
    Rows, Routing,
    testing::Values(
        route_row{"Root", "GET", "/", "GET /"},
        route_row{"List", "GET", "/v1/contacts", "GET /v1/contacts"},
        route_row{"HeadIsGet", "HEAD", "/v1/contacts", "GET /v1/contacts"},
        route_row{"LiteralAction", "POST", "/v1/contacts:import", "POST /v1/contacts:import"},
        route_row{"LiteralActionOther", "GET", "/v1/contacts:import", "405 POST"},
        route_row{"Unknown", "GET", "/v1/nothing", "404"},
        route_row{"TrailingSlash", "GET", "/v1/contacts/", "404"},
        route_row{"DoubleSlash", "GET", "/v1//contacts", "404"},
        route_row{"Parameter", "GET", "/v1/contacts/con_1", "GET /v1/contacts/{id} id=con_1"},
        route_row{"NotAllowed", "DELETE", "/v1/contacts/con_1", "405 GET, HEAD, PATCH"},
        route_row{"Deeper", "GET", "/v1/contacts/con_1/deliveries",
                  "GET /v1/contacts/{id}/deliveries id=con_1"},
        route_row{"EncodedSlashStays", "GET", "/v1/contacts/a%2Fdeliveries",
                  "GET /v1/contacts/{id} id=a/deliveries"},
        route_row{"By", "PUT", "/v1/contacts/by/email/a%40b.jp",
                  "PUT /v1/contacts/by/{field}/{value} field=email value=a@b.jp"},
        route_row{"Action", "POST", "/v1/campaigns/cmp_1:start",
                  "POST /v1/campaigns/{id}:start id=cmp_1"},
        route_row{"ActionOtherMethod", "GET", "/v1/campaigns/cmp_1:start", "405 POST"},
        route_row{"EncodedColonIsNoAction", "GET", "/v1/campaigns/cmp_1%3Astart",
                  "GET /v1/campaigns/{id} id=cmp_1:start"},
        route_row{"ActionWithoutId", "POST", "/v1/campaigns/:start", "405 GET, HEAD"},
        route_row{"NestedAction", "POST", "/v1/campaigns/c/recipients/r:explain",
                  "POST /v1/campaigns/{id}/recipients/{rid}:explain id=c rid=r"},
        route_row{"LiteralWins", "POST", "/v1/messages/raw", "POST /v1/messages/raw"},
        route_row{"Backtracks", "GET", "/v1/x/b/c", "GET /v1/x/{a}/c a=b"},
        route_row{"Case", "GET", "/V1/contacts", "404"}),
    [](const auto& info) { return info.param.name; });

TEST(Router, ListsWhatItServes)
{
    const auto list = make_router().list();
    EXPECT_EQ(list.size(), 15u);
    EXPECT_EQ(list.front(), "GET /");
}

TEST(RouterDeathTest, TakesAMethodOfAPatternOnce)
{
    router routes;
    const auto nothing = [](request&) { return response::empty(204); };
    routes.add("GET", "/a", nothing);
    EXPECT_DEATH(routes.add("GET", "/a", nothing), "");
}

} // namespace
} // namespace hikyaku::http
