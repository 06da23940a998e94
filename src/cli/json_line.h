#pragma once

#include <string>
#include <string_view>

#include <hikyaku/feed/log_line.h>

namespace hikyaku::cli
{

/// One JSON object on one line, members in the order they are added. Text may hold any bytes:
/// what is not UTF-8 becomes U+FFFD. @pre keys need no escape
class json_line
{
public:
    json_line& text(std::string_view key, std::string_view value)
    {
        name(key);
        feed::append_json_string(out_, value);
        return *this;
    }
    json_line& flag(std::string_view key, bool value)
    {
        name(key);
        out_ += value ? "true" : "false";
        return *this;
    }
    json_line& number(std::string_view key, std::size_t value)
    {
        name(key);
        out_ += std::to_string(value);
        return *this;
    }
    /// With its line end.
    [[nodiscard]] std::string finish() const { return out_ + "}\n"; }

private:
    void name(std::string_view key)
    {
        out_ += out_.size() == 1 ? "\"" : ",\"";
        out_ += key;
        out_ += "\":";
    }
    std::string out_ = "{";
};

/// For a person's terminal: control characters escaped, ill-formed UTF-8 as \ufffd.
[[nodiscard]] inline std::string printable(std::string_view text)
{
    std::string quoted;
    feed::append_json_string(quoted, text);
    return quoted.substr(1, quoted.size() - 2);
}

} // namespace hikyaku::cli
