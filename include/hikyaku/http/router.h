#pragma once

#include <cstddef>
#include <functional>
#include <map>
#include <string>
#include <string_view>
#include <vector>

#include <hikyaku/http/request.h>
#include <hikyaku/http/response.h>

namespace hikyaku::http
{

/// Answers one request. Runs on the blocking pool, several at once; may block a few milliseconds.
/// What it throws is logged and becomes a 500.
using handler = std::function<response(request&)>;

struct route_options
{
    static constexpr std::size_t default_body_bytes_max = 10u << 20;

    /// More is 413. Held in memory unless the route spools.
    std::size_t body_bytes_max = default_body_bytes_max;
    /// The body is streamed to a file with bounded memory, and fsynced before the handler runs.
    bool spool_body_to_file = false;
    /// For metrics and logs; empty: "METHOD pattern".
    std::string name{};
};

/// One method of one pattern.
struct route
{
    handler run{};
    route_options options{};
};

/// What a method and a path lead to.
struct route_match
{
    /// Null: not found, or found for other methods only (then `allow` names them).
    const route* found = nullptr;
    std::map<std::string, std::string, std::less<>> parameters;
    /// "GET, HEAD, POST"; empty: no such path (404).
    std::string allow{};
};

/// Routes by method and path. Filled at start-up, read-only and thread-safe from then on.
///
/// A pattern is '/'-separated segments, each a literal ("contacts", "contacts:import"),
/// "{name}", or "{name}:action". The most specific pattern that fits the path decides, from left
/// to right: literal before "{name}:action" before "{name}"; methods are looked at after that.
class router
{
public:
    /// Adds a route. GET also serves HEAD.
    /// @pre the pattern is well formed and not yet taken for this method (bug otherwise)
    void add(std::string_view method, std::string_view pattern, handler run,
             route_options options = {});

    /// Finds the route. `raw_path` is still percent-encoded and was accepted by the server;
    /// segments are decoded one by one, so an encoded '/' or ':' never changes the match.
    [[nodiscard]] route_match match(std::string_view method, std::string_view raw_path) const;

    /// "METHOD pattern" of every route, sorted: for documents and tests.
    [[nodiscard]] std::vector<std::string> list() const;

private:
    struct segment
    {
        /// Literal text, or the parameter's name.
        std::string text;
        /// After "{name}:"; empty: none.
        std::string action;
        bool is_parameter = false;
    };
    struct pattern
    {
        std::string text;
        std::vector<segment> segments;
        std::map<std::string, route, std::less<>> methods;
    };
    [[nodiscard]] static std::vector<segment> parse_pattern(std::string_view text);
    [[nodiscard]] static bool more_specific(const pattern& a, const pattern& b);
    [[nodiscard]] static bool fits(const pattern& p, const std::vector<std::string_view>& path,
                                   std::map<std::string, std::string, std::less<>>& parameters);
    [[nodiscard]] pattern& obtain_pattern(std::string_view text);

    /// By number of segments; each list most specific first.
    std::map<std::size_t, std::vector<pattern>> patterns_;
};

} // namespace hikyaku::http
