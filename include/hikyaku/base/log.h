#pragma once

#include <cstdint>
#include <initializer_list>
#include <string>
#include <string_view>
#include <type_traits>

namespace hikyaku::log
{

enum class level
{
    debug,
    info,
    warning,
    error,
};

/// One key and its value. Values are escaped when written: control characters never reach the log.
struct field
{
    std::string_view key;
    std::string value;

    field(std::string_view k, std::string_view v) : key(k), value(v) {}
    field(std::string_view k, const char* v) : key(k), value(v) {}
    field(std::string_view k, const std::string& v) : key(k), value(v) {}
    template <class Number>
        requires std::is_arithmetic_v<Number>
    field(std::string_view k, Number v) : key(k), value(std::to_string(v))
    {
    }
};

/// Where the operator's log goes. Empty path: standard error. Called once by main, reopens on
/// call (SIGHUP). @throws std::runtime_error when the file can't be opened.
void open(const std::string& path, level least);
/// Reopens the file after logrotate moved it. No effect on standard error.
void reopen();

/// Writes one event: a stable name and its fields. Nothing personal at info and above: ids,
/// counts and host names only, never addresses, names or customer data. Any thread.
void write(level l, std::string_view event, std::initializer_list<field> fields = {});

inline void debug(std::string_view event, std::initializer_list<field> fields = {})
{
    write(level::debug, event, fields);
}
inline void info(std::string_view event, std::initializer_list<field> fields = {})
{
    write(level::info, event, fields);
}
inline void warning(std::string_view event, std::initializer_list<field> fields = {})
{
    write(level::warning, event, fields);
}
inline void error(std::string_view event, std::initializer_list<field> fields = {})
{
    write(level::error, event, fields);
}

} // namespace hikyaku::log
