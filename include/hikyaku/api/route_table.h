#pragma once

#include <map>
#include <string>
#include <string_view>
#include <vector>

#include <hikyaku/base/json.h>

namespace hikyaku::api
{

/// A query parameter, for the document.
struct parameter_text
{
    std::string name{};
    std::string text{};
    /// JSON schema type.
    std::string type = "string";
};

/// What GET /v1/openapi.json tells of a route. Schemas are names of components.
struct route_text
{
    /// A short sentence; a route without one is not documented.
    std::string summary{};
    /// Groups the routes: "contacts".
    std::string tag{};
    std::vector<parameter_text> query{};
    /// Component of the request body; empty: none (or a file, when request_type is not JSON).
    std::string request{};
    std::string request_type = "application/json";
    /// Component of the answer; empty: no body (or a file, when response_type is not JSON).
    std::string response{};
    std::string response_type = "application/json";
    /// The answer is {"data":[response…],"next_cursor"}; limit and cursor are parameters.
    bool is_list = false;
    /// Status when all goes well.
    unsigned status = 200;
    /// Further error statuses the route gives besides 401, 403, 404 and 503.
    std::vector<unsigned> errors{};
};

/// The documented routes of the tenants' listener. Filled at start-up, read-only from then on.
class route_table
{
public:
    struct entry
    {
        std::string method;
        std::string pattern;
        std::string scope;
        bool takes_idempotency_key = false;
        route_text text;
    };

    void add(entry e);
    /// Adds a schema under components/schemas. @pre valid JSON, the name is not taken
    void add_component(std::string name, std::string_view schema_json);

    [[nodiscard]] const std::vector<entry>& entries() const noexcept { return entries_; }
    [[nodiscard]] const std::map<std::string, json::value, std::less<>>& components() const noexcept
    {
        return components_;
    }

private:
    std::vector<entry> entries_;
    std::map<std::string, json::value, std::less<>> components_;
};

} // namespace hikyaku::api
